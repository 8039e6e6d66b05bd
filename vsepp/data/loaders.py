"""Batches: in order or shuffled, from any position, the same for any number of workers."""

from __future__ import annotations

import copy
import gc
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from paddle.io import DataLoader
from paddle.io.dataloader.collate import default_collate_fn

from vsepp.data.dataset import CaptionDataset, ImageTextDataset
from vsepp.data.halves import stack_float32
from vsepp.data.images import map_images
from vsepp.data.prepared import Prepared
from vsepp.data.transforms import CenterCrop, RandomCrop
from vsepp.system.errors import InputError


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


class TrainingPairs:
    """A ``CaptionDataset`` whose items also say which image they belong to."""

    def __init__(self, dataset: CaptionDataset) -> None:
        self.dataset = dataset
        self.decodes = dataset.decodes

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> tuple[Any, np.ndarray, np.int64, np.int64]:
        return (*self.dataset[index], np.int64(self.dataset.image_id(index)))

    def set_epoch(self, epoch: int) -> None:
        if hasattr(self.dataset, "set_epoch"):
            self.dataset.set_epoch(epoch)


def trim(items: Sequence[tuple]) -> list[np.ndarray]:
    """Collate items of :class:`TrainingPairs`, with captions cut to the batch's longest.

    Returns:
        images ``[batch, …]`` (float32 where they come as float16), captions int64
        ``[batch, longest]``, lengths int64 ``[batch]``, image ids int64 ``[batch]``
    """
    images, captions, lengths, image_ids = zip(*items)
    longest = int(max(lengths))
    return [
        stack_float32(images),
        np.stack(captions)[:, :longest],
        np.array(lengths),
        np.array(image_ids),
    ]


def spare_inherited(worker_id: int) -> None:
    """Keep a worker from destroying what it inherited from its parent.

    An iterator of an earlier epoch may be there as garbage that was not collected yet, with a
    thread waiting inside. Threads do not live on in a forked worker, so collecting it there
    would wait for that thread for ever. It begins with collection switched off, see
    :func:`nothing_collected`.
    """
    gc.freeze()
    gc.enable()


@contextmanager
def nothing_collected() -> Iterator[None]:
    """Let workers that the block starts collect no garbage before :func:`spare_inherited`."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


# A worker is forked while threads of its parent run, and inherits the locks they hold, for
# ever held. Shared memory would have it make Paddle's tensors, under Paddle's locks; without,
# it hands over NumPy arrays, and needs no room in /dev/shm either.
_FORK_SAFE = {"use_shared_memory": False, "worker_init_fn": spare_inherited}


_FAILURE = "failure"  # the key of a batch that could not be read


class _Failure:
    """What went wrong while an item was read, in a form that travels between processes."""

    def __init__(self, error: Exception) -> None:
        if isinstance(error, InputError):
            self.text = f"{InputError.__name__}:{error}"
        elif isinstance(error, MemoryError):
            self.text = (
                f"{InputError.__name__}:the machine's memory is exhausted while batches "
                "are read: set a smaller batch_size, or fewer workers."
            )
        else:
            self.text = "Exception:" + "".join(
                traceback.format_exception(type(error), error, error.__traceback__)
            )

    def batch(self) -> dict[str, np.ndarray]:
        return {_FAILURE: np.frombuffer(self.text.encode("utf-8", "replace"), np.uint8)}


class _Guarded:
    """A data set and a way to collate it that hand on what goes wrong instead of raising it.

    An index is one of the data set's; or, after :meth:`read_ahead`, a tuple of the next of them.
    """

    def __init__(self, dataset: Any, collate: Callable[[list], Any] | None) -> None:
        self.dataset = dataset
        self.inner_collate = collate or default_collate_fn
        self._items: Iterator = iter(())

    def read_ahead(self, indices: Iterable[int]) -> None:
        """Read these in threads, side by side, some of them before they are asked for."""
        self._items = map_images(self._item, indices)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int | tuple[int, ...]) -> Any:
        if not isinstance(index, tuple):
            return self._item(index)
        try:
            return list(islice(self._items, len(index)))
        except RuntimeError as error:  # no more threads, as at the interpreter's end
            return [_Failure(error)]

    def _item(self, index: int) -> Any:
        try:
            return self.dataset[index]
        except Exception as error:
            return _Failure(error)

    def collate(self, items: list) -> Any:
        if isinstance(items[0], list):
            items = items[0]
        failure = next((item for item in items if isinstance(item, _Failure)), None)
        if failure is None:
            try:
                return self.inner_collate(items)
            except Exception as error:
                failure = _Failure(error)
        return failure.batch()


class _WholeBatches:
    """A batch sampler whose every batch is one index: the tuple of its indices, read ahead."""

    def __init__(self, sampler: Any, dataset: _Guarded) -> None:
        self.sampler = sampler
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.sampler)

    def __iter__(self) -> Iterator[list[tuple[int, ...]]]:
        batches = list(self.sampler)
        self.dataset.read_ahead(chain.from_iterable(batches))
        return iter([[tuple(batch)] for batch in batches])


class BatchLoader(DataLoader):
    """A ``DataLoader`` that raises what goes wrong in reading where its batches are asked for.

    By itself Paddle waits for ever when its loading thread ends with an exception, and a
    worker process prints its traceback. Without workers, photographs are decoded in threads.
    """

    def __iter__(self) -> Iterator:
        guarded = copy.copy(self)
        guarded.dataset = _Guarded(self.dataset, self.collate_fn)
        if not self.num_workers and getattr(self.dataset, "decodes", False):
            guarded.batch_sampler = _WholeBatches(self.batch_sampler, guarded.dataset)
        guarded.collate_fn = guarded.dataset.collate
        with nothing_collected():
            batches = DataLoader.__iter__(guarded)  # from here on its workers are at work
        return _raising(batches)


def _raising(batches: Iterable) -> Iterator:
    """The batches, up to the first that could not be read."""
    for batch in batches:
        if isinstance(batch, dict) and _FAILURE in batch:
            kind, _, text = bytes(batch[_FAILURE].numpy()).decode().partition(":")
            raise InputError(text) if kind == InputError.__name__ else RuntimeError(text)
        yield batch


def training_loader(
    dataset: CaptionDataset,
    batch_size: int,
    seed: int = 0,
    workers: int = 0,
    by_length: bool = False,
) -> BatchLoader:
    """Shuffled batches (images, captions, lengths, image ids), the last partial one dropped.

    Args:
        dataset: a ``CaptionDataset``; images are stacked as it gives them.
        batch_size: pairs in a batch.
        seed: of the order.
        workers: processes that load images; 0 loads in this one.
        by_length: batches of similar length, see :class:`LengthBatchSampler`.

    Raises:
        InputError: when the data set is smaller than one batch.
    """
    if len(dataset) < batch_size:
        raise InputError(
            f"batch_size {batch_size} is more than the {len(dataset)} captions of the "
            f"{dataset.split} split: set batch_size to at most {len(dataset)}."
        )
    pairs = TrainingPairs(dataset)
    if by_length:
        lengths = [len(caption) for caption in dataset.captions]
        sampler: EpochBatchSampler = LengthBatchSampler(
            pairs, batch_size, lengths, drop_last=True, seed=seed
        )
    else:
        sampler = EpochBatchSampler(pairs, batch_size, shuffle=True, drop_last=True, seed=seed)
    return BatchLoader(
        pairs, batch_sampler=sampler, collate_fn=trim, num_workers=workers, **_FORK_SAFE
    )


def mktrainval(
    data_dir: str | Path,
    vocab_path: str | Path,
    batch_size: int,
    workers: int = 0,
    seed: int = 0,
    resize: int = 256,
    image_size: int = 224,
) -> tuple[DataLoader, DataLoader, DataLoader]:
    """Loaders over the photographs of a prepared data set.

    Training images are resized to ``resize`` and cropped at random, shuffled, and the last
    partial batch is dropped; the others are cropped at the centre, in order, and nothing is
    dropped.

    Args:
        data_dir: the data set's folder, with ``{split}_data.json``.
        vocab_path: its ``vocab.json``.
        batch_size: pairs in a batch.
        workers: processes that load images; 0 loads in this one.
        seed: of the order and the crops.
        resize, image_size: shorter side before cropping, and side of the crop.

    Returns:
        (train, validation, test) ``paddle.io.DataLoader``; each batch is images float32
        ``[batch, 3, image_size, image_size]``, captions int64 ``[batch, max_len + 2]``,
        lengths int64 ``[batch]``.

    Raises:
        InputError: when a split is missing or malformed, or training is smaller than a batch.
    """
    prepared = Prepared(data_dir)
    loaders = []
    for split in ("train", "val", "test"):
        training = split == "train"
        transform = (RandomCrop if training else CenterCrop)(resize, image_size)
        dataset = ImageTextDataset(
            data_dir,
            vocab_path,
            split,
            prepared.captions_per_image,
            prepared.max_len,
            transform,
            seed,
            prepared.exif,
        )
        if training and len(dataset) < batch_size:
            raise InputError(
                f"batch_size {batch_size} is more than the {len(dataset)} captions of "
                f"the train split: set batch_size to at most {len(dataset)}."
            )
        sampler = EpochBatchSampler(
            dataset, batch_size, shuffle=training, drop_last=training, seed=seed
        )
        loaders.append(
            BatchLoader(dataset, batch_sampler=sampler, num_workers=workers, **_FORK_SAFE)
        )
    train, validation, test = loaders
    return train, validation, test
