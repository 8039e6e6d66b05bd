"""What is worth saying of a file of captions: what was repaired, left out or decided."""

from __future__ import annotations

_NAMED_AT_MOST = 3


class Remarks:
    """What was repaired or left out in a file, counted, with the first ones named."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._counts, self._named = {}, {}

    def count(self, what: str, where: str) -> None:
        """Count something.

        Args:
            what: sentence part with ``{}`` for the number and ``(s)`` where that decides.
            where: names one of them.
        """
        self._counts[what] = self._counts.get(what, 0) + 1
        named = self._named.setdefault(what, [])
        if len(named) < _NAMED_AT_MOST:
            named.append(where)

    def say(self, sentence: str) -> None:
        """Add what is said once."""
        self._counts.setdefault(sentence, 0)

    def lines(self) -> list[str]:
        """One line for everything."""
        return [
            f"{self.source}: {self._line(what, count)}." for what, count in self._counts.items()
        ]

    def _line(self, what, count):
        if not count:
            return what
        more = count - len(self._named[what])
        named = ", ".join(self._named[what]) + (f" and {more} more" if more else "")
        what = what.format(count).replace("(s)", "" if count == 1 else "s")
        return f"{what} ({named})"
