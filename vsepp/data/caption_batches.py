"""Batches of images with all their captions: a captioner looks at each image once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from vsepp.data.batch_loader import FORK_SAFE, BatchLoader
from vsepp.data.dataset import CaptionDataset
from vsepp.data.padding import padded
from vsepp.data.samplers import WHOLE, BatchShare, EpochBatchSampler
from vsepp.data.stored.halves import stack_float32
from vsepp.system.errors import InputError


class CaptionedImages:
    """The images of a ``CaptionDataset``, each with its captions.

    Item ``k`` is (image ``k`` as the data set gives it, its captions as lists of indices, ``k``).
    Where images have views or crops, it is that of the image's first caption. Item ``~k`` is the
    same with None in the place of the image, which is not read.
    """

    def __init__(self, dataset: CaptionDataset) -> None:
        self.dataset = dataset
        self.decodes = dataset.decodes

    def __len__(self) -> int:
        return len(self.dataset.images)

    def __getitem__(self, index: int) -> tuple[Any, list[list[int]], int]:
        count, image_id = self.dataset.captions_per_image, max(index, ~index)
        first = image_id * count
        captions = self.dataset.captions[first : first + count]
        image = None if index < 0 else self.dataset.image(image_id, first)
        return image, captions, image_id

    def set_epoch(self, epoch: int) -> None:
        if hasattr(self.dataset, "set_epoch"):
            self.dataset.set_epoch(epoch)


def collate(items: Sequence[tuple[Any, list[list[int]], int]]) -> list[np.ndarray]:
    """Items of :class:`CaptionedImages` as a batch.

    Returns:
        images ``[images, …]``, those that were read (float32 where they come as float16), captions
        int64 ``[captions, longest]`` padded with 0, lengths int64 ``[captions]``, the row of each
        caption's image int64 ``[captions]``, image ids int64 ``[images]``
    """
    images, groups, image_ids = zip(*items)
    grid, lengths = padded([caption for group in groups for caption in group])
    rows = np.repeat(np.arange(len(items)), [len(group) for group in groups])
    read = stack_float32([image for image in images if image is not None])
    return [read, grid, lengths, rows, np.array(image_ids, np.int64)]


def caption_loader(
    dataset: CaptionDataset,
    batch_size: int,
    seed: int = 0,
    workers: int = 0,
    share: BatchShare = WHOLE,
) -> BatchLoader:
    """Shuffled batches of images with their captions, the last partial one dropped.

    Args:
        dataset: a ``CaptionDataset``.
        batch_size: captions in a batch; it has as many images as have no more, one at least.
        seed: of the order.
        workers: processes that load images; 0 loads in this one.
        share: the images of each batch that are read; captions are there of all.

    Raises:
        InputError: when the data set has fewer images than one batch, or a batch is not to be
            shared evenly.
    """
    images = max(1, batch_size // dataset.captions_per_image)
    if len(dataset.images) < images:
        most = len(dataset.images) * dataset.captions_per_image
        raise InputError(
            f"batch_size {batch_size} is more than the {most} captions of the {dataset.split} "
            f"split: set batch_size to at most {most}."
        )
    share.check(len(dataset.images), "images")
    if images % share.parts:
        fitting = max(images - images % share.parts, share.parts) * dataset.captions_per_image
        raise InputError(
            f"batch_size: {batch_size} captions are those of {images} images, which are not to be "
            f"shared evenly among {share.parts} processes: set batch_size={fitting}, or launch "
            "another number."
        )
    items = CaptionedImages(dataset)
    sampler = EpochBatchSampler(items, images, shuffle=True, drop_last=True, seed=seed, share=share)
    return BatchLoader(
        items, batch_sampler=sampler, collate_fn=collate, num_workers=workers, **FORK_SAFE
    )
