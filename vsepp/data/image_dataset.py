"""Photographs and their captions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vsepp.data.dataset import CaptionDataset
from vsepp.data.stored.joined import Joined

if TYPE_CHECKING:
    from typing_extensions import Self  # which Python's typing has from 3.11 on


class ImageTextDataset(CaptionDataset):
    """Photographs and captions of a prepared split.

    Args:
        dataset_path: the folder with ``{split}_data.json``, or that file.
        vocab_path: ``vocab.json``.
        split: train, val, test or restval.
        captions_per_image: what the data was prepared with.
        max_len: longest caption in words; items are padded to ``max_len + 2``.
        transform: from a PIL RGB image to an array. One with ``takes_generator`` is also
            handed a generator that (seed, epoch, caption) decide. Without a transform the
            item holds the PIL image.
        seed: of random crops.
        exif: turn photographs as their EXIF orientation says; by default as ``prepared.json``
            beside the split file says, see ``vsepp.data.orientation``.

    Raises:
        InputError: when the files are missing, malformed or do not belong together; on
            access, when a photograph cannot be decoded.
    """

    decodes = True

    def __init__(
        self,
        dataset_path: str | Path,
        vocab_path: str | Path,
        split: str,
        captions_per_image: int = 5,
        max_len: int = 30,
        transform: Callable[..., Any] | None = None,
        seed: int = 0,
        exif: bool | None = None,
    ) -> None:
        super().__init__(dataset_path, vocab_path, split, captions_per_image, max_len, exif)
        self.transform = transform
        self.seed = seed
        self.epoch = 0
        self.decoded: Joined | None = None

    def take_decoded(self, images: Sequence[np.ndarray] | np.ndarray) -> None:
        """Take images from where they are decoded and resized, instead of from their files.

        Args:
            images: sequence of uint8 ``[height, width, 3]``, one for each of ``self.images``;
                see ``vsepp.data.stored.image_store``. There has to be a transform.
        """
        self.decoded = Joined([images])

    def append(self, other: Self) -> None:
        super().append(other)
        if self.decoded:
            theirs = other.decoded.parts  # type: ignore[union-attr]  # decoded are both or neither
            self.decoded = Joined(self.decoded.parts + theirs)

    def set_epoch(self, epoch: int) -> None:
        """Let random crops be those of this epoch (a whole number from 0)."""
        self.epoch = epoch

    def image(self, image_id: int, caption_index: int | None = None) -> Any:
        picture = self.decoded[image_id] if self.decoded else self.photograph(image_id)
        if self.transform is None:
            return picture
        if getattr(self.transform, "takes_generator", False):
            key = image_id if caption_index is None else caption_index
            return self.transform(picture, np.random.default_rng((self.seed, self.epoch, key)))
        return self.transform(picture)
