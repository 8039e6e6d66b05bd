"""Alternating repetitions, medians, and the ratio of two medians."""

import statistics
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    """Seconds of one side's repetitions, in order."""

    seconds: tuple

    @property
    def median(self):
        return statistics.median(self.seconds)

    def scaled(self, factor):
        """Every figure times ``factor``: a few steps extrapolated to all."""
        return Sample(tuple(factor * value for value in self.seconds))

    def added(self, other):
        """Round by round with another's: pieces of one work that were measured apart."""
        return Sample(tuple(a + b for a, b in zip(self.seconds, other.seconds)))


@dataclass(frozen=True)
class Ratio:
    """A ratio of medians, and the lowest and highest ratio within one round."""

    value: float
    lowest: float
    highest: float


def ratio(upper, lower):
    """``upper`` / ``lower`` of two :class:`Sample` of the same rounds.

    >>> ratio(Sample((2.0, 4.0, 6.0)), Sample((1.0, 1.0, 2.0)))
    Ratio(value=4.0, lowest=2.0, highest=4.0)
    """
    rounds = [a / b for a, b in zip(upper.seconds, lower.seconds)]
    return Ratio(upper.median / lower.median, min(rounds), max(rounds))


def alternate(sides, rounds, warm=1, pause=0.0, advance=lambda: None, sleep=time.sleep):
    """Run sides in turn, A, B, A, B …

    Args:
        sides: ``{name: callable that runs once and returns its seconds}``.
        rounds: repetitions of each that count.
        warm: repetitions of each before them that do not.
        pause: seconds between two repetitions: threads of a mathematical library wait busily
            for a while after their work, and would take the next side's processor.
        advance: called after each repetition.
        sleep: in place of ``time.sleep``.

    Returns:
        ``{name: Sample}``
    """
    seconds = {name: [] for name in sides}
    for turn in range(warm + rounds):
        for name, side in sides.items():
            sleep(pause)
            taken = side()
            if turn >= warm:
                seconds[name].append(taken)
            advance()
    return {name: Sample(tuple(values)) for name, values in seconds.items()}
