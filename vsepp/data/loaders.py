"""Batches: in order or shuffled, from any position, the same for any number of workers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from paddle.io import DataLoader

from vsepp.data.batch_loader import FORK_SAFE, BatchLoader
from vsepp.data.dataset import CaptionDataset
from vsepp.data.image_dataset import ImageTextDataset
from vsepp.data.prepared import Prepared
from vsepp.data.samplers import WHOLE, BatchShare, EpochBatchSampler, LengthBatchSampler
from vsepp.data.stored.halves import stack_float32
from vsepp.data.transforms import CenterCrop, RandomCrop
from vsepp.system.errors import InputError


class TrainingPairs:
    """A ``CaptionDataset`` whose items also say which image they belong to.

    Item ``~index`` is item ``index`` with None in the place of its image, which is not read.
    """

    def __init__(self, dataset: CaptionDataset) -> None:
        self.dataset = dataset
        self.decodes = dataset.decodes

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> tuple[Any, np.ndarray, np.int64, np.int64]:
        item = (None, *self.dataset.caption(~index)) if index < 0 else self.dataset[index]
        return (*item, np.int64(self.dataset.image_id(max(index, ~index))))

    def set_epoch(self, epoch: int) -> None:
        if hasattr(self.dataset, "set_epoch"):
            self.dataset.set_epoch(epoch)


def trim(items: Sequence[tuple]) -> list[np.ndarray]:
    """Collate items of :class:`TrainingPairs`, with captions cut to the batch's longest.

    Returns:
        images ``[batch, …]``, those that were read (float32 where they come as float16), captions
        int64 ``[batch, longest]``, lengths int64 ``[batch]``, image ids int64 ``[batch]``
    """
    images, captions, lengths, image_ids = zip(*items)
    longest = int(max(lengths))
    return [
        stack_float32([image for image in images if image is not None]),
        np.stack(captions)[:, :longest],
        np.array(lengths),
        np.array(image_ids),
    ]


def training_loader(
    dataset: CaptionDataset,
    batch_size: int,
    seed: int = 0,
    workers: int = 0,
    by_length: bool = False,
    share: BatchShare = WHOLE,
) -> BatchLoader:
    """Shuffled batches (images, captions, lengths, image ids), the last partial one dropped.

    Args:
        dataset: a ``CaptionDataset``; images are stacked as it gives them.
        batch_size: pairs in a batch.
        seed: of the order.
        workers: processes that load images; 0 loads in this one.
        by_length: batches of similar length, see :class:`LengthBatchSampler`.
        share: the rows of each batch whose images are read; the rest of it is there of all.

    Raises:
        InputError: when the data set is smaller than one batch, or a batch is not to be shared
            evenly.
    """
    _check_size(dataset, batch_size)
    share.check(len(dataset), "captions")
    if batch_size % share.parts:
        lower = batch_size - batch_size % share.parts
        raise InputError(
            f"batch_size: {batch_size} pairs are not to be shared evenly among {share.parts} "
            f"processes: set batch_size={max(lower, share.parts)}, or launch another number."
        )
    pairs = TrainingPairs(dataset)
    if by_length:
        lengths = [len(caption) for caption in dataset.captions]
        sampler: EpochBatchSampler = LengthBatchSampler(
            pairs, batch_size, lengths, drop_last=True, seed=seed, share=share
        )
    else:
        sampler = EpochBatchSampler(pairs, batch_size, True, drop_last=True, seed=seed, share=share)
    return BatchLoader(
        pairs, batch_sampler=sampler, collate_fn=trim, num_workers=workers, **FORK_SAFE
    )


def _check_size(dataset: CaptionDataset, batch_size: int) -> None:
    """InputError where the split that is trained on is smaller than one batch."""
    if len(dataset) < batch_size:
        raise InputError(
            f"batch_size {batch_size} is more than the {len(dataset)} captions of the "
            f"{dataset.split} split: set batch_size to at most {len(dataset)}."
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
        if training:
            _check_size(dataset, batch_size)
        sampler = EpochBatchSampler(
            dataset, batch_size, shuffle=training, drop_last=training, seed=seed
        )
        loaders.append(
            BatchLoader(dataset, batch_sampler=sampler, num_workers=workers, **FORK_SAFE)
        )
    train, validation, test = loaders
    return train, validation, test
