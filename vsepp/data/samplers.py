"""Which items make a batch, and in which order: it follows from (seed, epoch)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np


class EpochBatchSampler:
    """Batches of indices whose order follows from (seed, epoch).

    Each pass over it is the next epoch; ``set_epoch`` says which one comes next.

    Args:
        dataset: its length counts; its ``set_epoch`` is told the epoch, if it has one.
        batch_size: indices in a batch.
        shuffle: a new order each epoch; otherwise in order.
        drop_last: leave out the last batch when it is not full.
        seed: of the orders.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int,
        shuffle: bool = False,
        drop_last: bool = False,
        seed: int = 0,
    ) -> None:
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.drop_last = drop_last
        self.seed = seed
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
        return iter(batches)

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
        dataset, batch_size, drop_last, seed: see :class:`EpochBatchSampler`.
    """

    sorted_together = 50  # batches

    def __init__(
        self,
        dataset: Any,
        batch_size: int,
        lengths: Sequence[int],
        drop_last: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__(dataset, batch_size, shuffle=True, drop_last=drop_last, seed=seed)
        self.lengths = np.asarray(lengths)

    def _batches(self, order: np.ndarray, generator: np.random.Generator) -> list[list[int]]:
        order = order[: len(self) * self.batch_size].copy()
        together = self.sorted_together * self.batch_size
        for start in range(0, len(order), together):
            part = order[start : start + together]
            order[start : start + together] = part[np.argsort(self.lengths[part], kind="stable")]
        batches = super()._batches(order, generator)
        return [batches[place] for place in generator.permutation(len(batches))]
