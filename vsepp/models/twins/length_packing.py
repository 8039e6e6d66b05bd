"""Sentences one behind the other, put into an order in which those of one length stand together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

PART = 512  # words that are computed together: enough for a product, few enough for a cache


@dataclass(frozen=True)
class Group:
    """Sentences of one length, side by side.

    Attributes:
        rows: where their words stand.
        count: how many sentences.
        length: words of each.
        pairs: where the pairs of two words of one sentence stand, for one head: ``count ·
            length²`` of them.
    """

    rows: slice
    count: int
    length: int
    pairs: slice


@dataclass(frozen=True)
class Part:
    """Sentences that one core computes by itself; places are counted from its beginning.

    Attributes:
        rows: where its words stand among all.
        pairs: where its pairs stand among all.
        groups: list of :class:`Group`.
    """

    rows: slice
    pairs: slice
    groups: list[Group]


class LengthPacking:
    """Sentences by rising length, cut into parts that fit a cache.

    The cuts depend on the lengths alone, not on how many cores there are.

    Args:
        lengths: int array ``[batch]``, each at least 1.

    Attributes:
        order: int64 ``[batch]``, sentences by rising length (stable).
        words: int64 ``[sum(lengths)]``, where each word of this order stands in the given one.
        pairs: how many pairs of words of one sentence there are.
        parts: list of :class:`Part`.
    """

    def __init__(self, lengths: np.ndarray | Sequence[int]) -> None:
        lengths = np.asarray(lengths)
        self.order = np.argsort(lengths, kind="stable")
        self._rising = lengths[self.order]
        starts = (np.cumsum(lengths) - lengths)[self.order]
        ends = np.cumsum(self._rising)
        self.words = np.arange(ends[-1]) + np.repeat(starts - ends + self._rising, self._rising)
        self.pairs = int((self._rising**2).sum())
        self.parts = list(self._cut(ends))

    def unsort(self, rows: np.ndarray, out: np.ndarray) -> np.ndarray:
        """Rows ``[words, …]`` of this order, in the given order again."""
        out[self.words] = rows
        return out

    def _cut(self, ends: np.ndarray) -> Iterator[Part]:
        count = -(-int(ends[-1]) // PART)
        bounds = np.searchsorted(ends, ends[-1] * np.arange(1, count) / count, side="left") + 1
        row = pair = 0
        for lengths in np.split(self._rising, np.unique(bounds)):
            if len(lengths):
                words, pairs = int(lengths.sum()), int((lengths**2).sum())
                rows = slice(row, row + words)
                yield Part(rows, slice(pair, pair + pairs), list(_groups(lengths)))
                row, pair = row + words, pair + pairs


def _groups(lengths: np.ndarray) -> Iterator[Group]:
    row = pair = 0
    for length, count in zip(
        *(values.tolist() for values in np.unique(lengths, return_counts=True))
    ):
        words, pairs = count * length, count * length**2
        yield Group(slice(row, row + words), count, length, slice(pair, pair + pairs))
        row, pair = row + words, pair + pairs
