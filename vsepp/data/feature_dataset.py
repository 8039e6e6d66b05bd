"""Stored features of photographs, and their captions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vsepp.data.dataset import CaptionDataset
from vsepp.data.stored.file_rows import FileRows
from vsepp.data.stored.joined import Joined
from vsepp.system.errors import InputError
from vsepp.system.invocation import command

if TYPE_CHECKING:
    from typing_extensions import Self  # which Python's typing has from 3.11 on


class FeatureTextDataset(CaptionDataset):
    """Stored backbone features and captions of a prepared split.

    An item's image is a row as it is stored, float32 ``[feature_size]``, or float16 ``[cells,
    feature_size]`` of a grid, which ``training_loader`` makes float32 batch by batch. With views
    it is that of the plain photograph or of one of them, as (seed, epoch, caption) decide, each as
    often as the others.

    Args:
        features: array ``[n_images, ...]``, row ``k`` for ``images[k]``; it may be memory-mapped.
        views: such arrays, of further views of the photographs: see ``vsepp.data.stored.views``.
        mirrored: such an array, of the mirrored photographs.
        seed: of which view an item has.

    The other arguments are those of :class:`vsepp.data.image_dataset.ImageTextDataset`.

    Raises:
        InputError: when features are of another number of images.
    """

    def __init__(
        self,
        dataset_path: str | Path,
        vocab_path: str | Path,
        split: str,
        features: np.ndarray,
        captions_per_image: int = 5,
        max_len: int = 30,
        exif: bool | None = None,
        views: Sequence[np.ndarray] = (),
        mirrored: np.ndarray | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(dataset_path, vocab_path, split, captions_per_image, max_len, exif)
        self.features = self._joined(features)
        self._views = [self.features, *map(self._joined, views)]
        self.mirrored = None if mirrored is None else self._joined(mirrored)
        self.seed = seed
        self.epoch = 0

    def _joined(self, features: np.ndarray) -> Joined:
        if len(features) != len(self.images):
            raise InputError(
                f"the features of split {self.split} are {len(features)} rows for "
                f"{len(self.images)} images: run `{command('features')}` again."
            )
        return Joined([FileRows(features)])

    def append(self, other: Self) -> None:
        """Let another split follow, which has to have as many views."""
        super().append(other)
        self._views = [
            Joined(ours.parts + theirs.parts) for ours, theirs in zip(self._views, other._views)
        ]
        self.features = self._views[0]
        if self.mirrored and other.mirrored:
            self.mirrored = Joined(self.mirrored.parts + other.mirrored.parts)
        else:
            self.mirrored = None

    def set_epoch(self, epoch: int) -> None:
        """Let items have the views of this epoch (a whole number from 0)."""
        self.epoch = epoch

    def image(self, image_id: int, caption_index: int | None = None) -> np.ndarray:
        view = 0
        if caption_index is not None and len(self._views) > 1:
            generator = np.random.default_rng((self.seed, self.epoch, caption_index))
            view = int(generator.integers(len(self._views)))
        return self._row(self._views[view], image_id)

    def mirrored_image(self, image_id: int) -> np.ndarray | None:
        """The features of the mirrored photograph, as :meth:`image` gives them, or None."""
        return self._row(self.mirrored, image_id) if self.mirrored else None

    @staticmethod
    def _row(rows: Joined, image_id: int) -> np.ndarray:
        row = np.asarray(rows[image_id])
        return row if row.dtype == np.float16 else row.astype(np.float32, copy=False)
