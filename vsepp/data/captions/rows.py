"""What every reader of captions hands on, and what it found worth saying on its way."""

from collections.abc import Callable, Iterator
from typing import NamedTuple, Optional

_NAMED_AT_MOST = 3


class Row(NamedTuple):
    """One caption of one photograph.

    Attributes:
        filename: as written; it may lack its suffix.
        caption: as written, perhaps empty.
        split: as written, or None where the file has no splits.
        number: place among the image's captions, or None where the rows' order tells it.
        place: number of its line or entry in the file, from 1.
    """

    filename: str
    caption: str
    split: Optional[str] = None
    number: Optional[int] = None
    place: int = 0


class Recognised(NamedTuple):
    """A file whose format is known.

    Attributes:
        name: what the format is called, with why it is taken for it.
        read: from ``Remarks`` to the file's rows, one by one.
        unit: what ``Row.place`` counts.
    """

    name: str
    read: Callable[["Remarks"], Iterator[Row]]
    unit: str = "line"


class Remarks:
    """What was repaired or left out in a file, counted, with the first ones named."""

    def __init__(self, source):
        self.source = source
        self._counts, self._named = {}, {}

    def count(self, what, where):
        """Count something.

        Args:
            what: sentence part with ``{}`` for the number and ``(s)`` where that decides.
            where: names one of them.
        """
        self._counts[what] = self._counts.get(what, 0) + 1
        named = self._named.setdefault(what, [])
        if len(named) < _NAMED_AT_MOST:
            named.append(where)

    def say(self, sentence):
        """Add what is said once."""
        self._counts.setdefault(sentence, 0)

    def lines(self):
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
