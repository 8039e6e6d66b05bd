"""Captions of different lengths laid out without padding."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np


class StepPacking:
    """Where each word of a batch of captions stands in the packed layout.

    Captions are sorted by length, longest first, and laid out step by step: the first words of
    all, the second words of those that have one, and so on. So the captions that have a word at a
    step are the first ones of those at the step before.

    Args:
        lengths: int array ``[batch]``, each at least 1.

    Attributes:
        order: int64 ``[batch]``, captions by falling length (stable).
        lengths: int64 ``[batch]``, falling.
        batch_sizes: list of ints; ``batch_sizes[t]`` captions have a word at step ``t``.
        words: int64 ``[sum(lengths)]``, position in the flattened ``[batch, time]`` grid of
            every packed word, for a grid of ``time = max(lengths)`` columns.
    """

    def __init__(self, lengths: np.ndarray | Sequence[int]) -> None:
        lengths = np.asarray(lengths)
        self.order = np.argsort(-lengths, kind="stable")
        steps = np.arange(lengths.max())
        self.lengths = lengths[self.order]
        self.batch_sizes = [int(size) for size in (self.lengths[None, :] > steps[:, None]).sum(1)]
        self.words = np.concatenate(
            [self.order[:size] * len(steps) + step for step, size in enumerate(self.batch_sizes)]
        )

    @cached_property
    def steps(self) -> list[slice]:
        """The rows of each step."""
        ends = np.cumsum(self.batch_sizes).tolist()
        return [slice(end - size, end) for size, end in zip(self.batch_sizes, ends)]

    def rows_before(self, step: int) -> slice:
        """The rows of the words before those of a step, which is not the first."""
        start = self.steps[step - 1].start
        return slice(start, start + self.batch_sizes[step])

    @cached_property
    def before(self) -> np.ndarray:
        """int64: the row before each row, of all rows but the first step's."""
        rows = [np.arange(0)]
        for step in range(1, len(self.steps)):
            before = self.rows_before(step)
            rows.append(np.arange(before.start, before.stop))
        return np.concatenate(rows)

    @cached_property
    def in_order(self) -> np.ndarray:
        """int64 ``[words]``: the rows, caption after caption in the captions' own order."""
        return np.argsort(self.words)

    @cached_property
    def captions(self) -> np.ndarray:
        """int64 ``[words]``: which caption, counted in falling order, each row belongs to."""
        return np.concatenate([np.arange(size) for size in self.batch_sizes])

    @cached_property
    def turned(self) -> np.ndarray:
        """int64 ``[words]``: the row that each row changes places with when captions are turned."""
        starts = np.array([rows.start for rows in self.steps])
        steps = np.repeat(np.arange(len(starts)), self.batch_sizes)
        return starts[self.lengths[self.captions] - 1 - steps] + self.captions

    def packed(self, grid: np.ndarray) -> np.ndarray:
        """The rows ``[words, …]`` of a grid ``[batch, at least max(lengths), …]``."""
        grid = grid[:, : len(self.batch_sizes)]
        return grid.reshape(-1, *grid.shape[2:])[self.words]

    def unsort(self, rows: np.ndarray) -> np.ndarray:
        """Rows ``[batch, …]`` in falling order of length, in the captions' own order again."""
        result = np.empty_like(rows)
        result[self.order] = rows
        return result
