"""Which items make a batch, and in which order: it follows from (seed, epoch)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from vsepp.system.errors import InputError


class BatchShare(NamedTuple):
    """Which rows of every batch a process looks at the images of: one of several equal parts.

    Attributes:
        number: of the part, from 0.
        parts: how many there are.
    """

    number: int = 0
    parts: int = 1

    def check(self, count: int, what: str) -> None:
        """InputError where there are more parts than there is to share."""
        if self.parts > count:
            raise InputError(
                f"{self.parts} processes are more than the {count} {what} that they are to share: "
                f"launch at most {count}."
            )

    def rows(self, batch: int) -> slice:
        """Its rows of a batch of so many."""
        each = batch // self.parts
        return slice(self.number * each, (self.number + 1) * each)

    def captions(self, captions: Any, lengths: Any) -> tuple[Any, Any]:
        """Its rows of captions ``[batch, time]`` and lengths ``[batch]``, cut to its longest."""
        if self.parts == 1:
            return captions, lengths
        rows = self.rows(len(captions))
        return captions[rows, : int(lengths[rows].max())], lengths[rows]

    def marked(self, batch: list[int]) -> list[int]:
        """The indices of a batch, those of other parts' rows as ``~index``."""
        if self.parts == 1:
            return batch
        own = self.rows(len(batch))
        return [index if own.start <= row < own.stop else ~index for row, index in enumerate(batch)]


WHOLE = BatchShare()


class EpochBatchSampler:
    """Batches of indices whose order follows from (seed, epoch).

    Each pass over it is the next epoch; ``set_epoch`` says which one comes next.

    Args:
        dataset: its length counts; its ``set_epoch`` is told the epoch, if it has one.
        batch_size: indices in a batch.
        shuffle: a new order each epoch; otherwise in order.
        drop_last: leave out the last batch when it is not full.
        seed: of the orders.
        share: of each batch; indices of other rows come as ``~index``, see :class:`BatchShare`.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int,
        shuffle: bool = False,
        drop_last: bool = False,
        seed: int = 0,
        share: BatchShare = WHOLE,
    ) -> None:
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.drop_last = drop_last
        self.seed = seed
        self.share = share
        self.epoch = 0
        self.skip = 0

    def set_epoch(self, epoch: int, skip: int = 0) -> None:
        """Let the next pass be ``epoch`` (from 0), without its first ``skip`` batches."""
        self.epoch, self.skip = epoch, skip

    def __len__(self) -> int:
        full, rest = divmod(len(self.dataset), self.batch_size)
        return full if self.drop_last or not rest else full + 1

    def __iter__(self) -> Iterator[list[int]]:
        # Not a generator: the data set has to know its epoch before workers are started.
        if hasattr(self.dataset, "set_epoch"):
            self.dataset.set_epoch(self.epoch)
        order = np.arange(len(self.dataset))
        generator = np.random.default_rng((self.seed, self.epoch))
        if self.shuffle:
            generator.shuffle(order)
        batches = self._batches(order, generator)[self.skip :]
        self.epoch, self.skip = self.epoch + 1, 0
        return map(self.share.marked, batches)

    def _batches(self, order: np.ndarray, generator: np.random.Generator) -> list[list[int]]:
        """All batches of an epoch whose indices come in this order."""
        return [
            order[k * self.batch_size : (k + 1) * self.batch_size].tolist()
            for k in range(len(self))
        ]


class LengthBatchSampler(EpochBatchSampler):
    """Batches of captions of similar length, so that little of a batch is padding.

    The indices of an epoch are those of :class:`EpochBatchSampler`, each once. Every 50 batches
    of them are sorted by length before they are cut, and the batches are shuffled in the end.

    Args:
        lengths: of the captions, by index.
        dataset, batch_size, drop_last, seed, share: see :class:`EpochBatchSampler`.
    """

    sorted_together = 50  # batches

    def __init__(
        self,
        dataset: Any,
        batch_size: int,
        lengths: Sequence[int],
        drop_last: bool = False,
        seed: int = 0,
        share: BatchShare = WHOLE,
    ) -> None:
        super().__init__(dataset, batch_size, True, drop_last, seed, share)
        self.lengths = np.asarray(lengths)

    def _batches(self, order: np.ndarray, generator: np.random.Generator) -> list[list[int]]:
        order = order[: len(self) * self.batch_size].copy()
        together = self.sorted_together * self.batch_size
        for start in range(0, len(order), together):
            part = order[start : start + together]
            order[start : start + together] = part[np.argsort(self.lengths[part], kind="stable")]
        batches = super()._batches(order, generator)
        return [batches[place] for place in generator.permutation(len(batches))]
