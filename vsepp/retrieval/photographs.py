"""Photographs as a model sees them, and their codes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

import numpy as np
import paddle
from PIL import Image

from vsepp.data.batches import in_batches
from vsepp.data.images import map_images, open_image, opened_image
from vsepp.data.stored.features import GIVEN, first_not_finite
from vsepp.data.stored.file_rows import FileRows
from vsepp.data.stored.views import mirrored
from vsepp.data.transforms import normalize
from vsepp.models.twins.predictor import BackbonePredictor
from vsepp.retrieval.arguments import listed
from vsepp.retrieval.encoding import BATCH, encode_images, encode_rows
from vsepp.retrieval.mirroring import averaged, averaged_pairs, with_mirror_images
from vsepp.retrieval.networks import ImageNetwork
from vsepp.system.errors import InputError

if TYPE_CHECKING:  # a single photograph does not wait for it
    from vsepp.data.dataset import CaptionDataset

MANY_IMAGES = 64  # from here on, preparing a faster network pays
PHOTO = (str, os.PathLike, Image.Image)  # what a single photograph may come as
_ENOUGH = 2  # of a photograph's pixels to a side of the resized one, for resizing to average over

Photo = Union[str, Path, Image.Image]  # the file of a photograph, or the photograph


class EncodesPhotographs(ImageNetwork):
    """The half of a model that encodes photographs, or features of them."""

    _predictor: BackbonePredictor | None = None

    def encode_image(
        self, images: Photo | Sequence[Photo], exif: bool = True, quiet: bool = True
    ) -> np.ndarray:
        """Codes of photographs.

        A photograph's code does not depend, beyond rounding, on how many come together, and its
        precision not at all: see :attr:`precision`.

        Args:
            images: a list of paths or PIL images (or a single one).
            exif: turn photographs as their EXIF orientation says, as people's own are. For those
                of a data set, which are opened as it is prepared, see :meth:`encode_photographs`.
            quiet: show no progress bar.

        Returns:
            float32 ``[n, embed_size]``; of unit length unless the checkpoint's method says
            otherwise. With ``test_flip``, the average over the photograph and its mirror image.

        Raises:
            InputError: when a photograph cannot be decoded, or when the checkpoint holds no
                backbone (then use :meth:`encode_features`).
        """
        photos = listed(images, PHOTO, "images")
        return self._encode_each(lambda photo: self.pixels(photo, exif), photos, quiet)

    def encode_photographs(self, dataset: CaptionDataset, quiet: bool = True) -> np.ndarray:
        """Codes of the photographs of a data set, from the pixels that training reads: decoded
        whole, and turned by EXIF where the data set is prepared so.

        Args:
            dataset: ``CaptionDataset``.
            quiet: show no progress bar.

        Returns, raises: as :meth:`encode_image`.
        """
        crop = self.preprocessing.center_crop()
        numbers = range(len(dataset.images))
        return self._encode_each(lambda number: crop(dataset.photograph(number)), numbers, quiet)

    def _encode_each(
        self, pixels_of: Callable[[Any], np.ndarray], photos: Sequence, quiet: bool
    ) -> np.ndarray:
        """Codes of photographs, of which ``pixels_of`` gives what the network sees."""
        self.check_backbone()
        if not photos:
            return self.no_codes()
        return self.encode_cropped(map_images(pixels_of, photos), len(photos), quiet)

    def encode_cropped(
        self, pixels: Iterable[np.ndarray], count: int, quiet: bool = True
    ) -> np.ndarray:
        """Codes of photographs that :meth:`pixels` has made ready, as :meth:`encode_image` has
        them, which describes the rest.

        Args:
            pixels: uint8 arrays ``[image_size, image_size, 3]``.
            count: how many there are, at least one.
        """
        if self.config.test_flip:
            both = self._encode_cropped(with_mirror_images(pixels), 2 * count, quiet)
            return averaged_pairs(self.image_extractor, both)
        return self._encode_cropped(pixels, count, quiet)

    def _encode_cropped(self, pixels: Iterable[np.ndarray], count: int, quiet: bool) -> np.ndarray:
        with paddle.no_grad():
            few = count < MANY_IMAGES or paddle.get_device() != "cpu"
            if few and self.precision == "float32":
                return encode_images(self, pixels, count, 16, quiet)
            predictor = self._fast_backbone()
            batches = in_batches(pixels, predictor.batch_size)
            features = chain.from_iterable(map(predictor, batches))
            return self._encode_features(features, count, quiet)

    def _fast_backbone(self) -> BackbonePredictor:
        if self._predictor is None:
            self._predictor = BackbonePredictor(
                self.image_extractor.backbone,
                self.preprocessing.image_size,
                precision=self.precision,
                mean=self.preprocessing.mean,
                std=self.preprocessing.std,
            )
        return self._predictor

    def encode_pixels(self, pixels: np.ndarray) -> np.ndarray:
        """Codes of photographs that :meth:`pixels` has made ready, for those that come as a
        stream: a photograph's code does not depend on how many come together.

        Args:
            pixels: uint8 ``[n, image_size, image_size, 3]``.

        Returns:
            float32 ``[n, embed_size]``.

        Raises:
            InputError: when the checkpoint holds no backbone.
        """
        self.check_backbone()
        codes = self._encode_pixels(pixels)
        if self.config.test_flip and len(pixels):
            mirror_codes = self._encode_pixels(mirrored(pixels))
            return averaged(self.image_extractor, codes, mirror_codes)
        return codes

    def _encode_pixels(self, pixels: np.ndarray) -> np.ndarray:
        codes = []
        predictor = self._fast_backbone()
        size = predictor.batch_size
        for start in range(0, len(pixels), size):
            features = predictor(pixels[start : start + size])
            whole = np.zeros((size, *features.shape[1:]), np.float32)
            whole[: len(features)] = features
            codes.append(self._encode_features(whole, size)[: len(features)])
        return np.concatenate(codes) if codes else self.no_codes()

    def pixels(self, image: Photo, exif: bool = True) -> np.ndarray:
        """A photograph (a path or PIL image) as the network sees it: uint8 ``[size, size, 3]``.

        Large JPEGs that are turned (``exif``) are decoded no larger than needed; others are read
        whole.

        Raises:
            InputError: when it cannot be decoded.
        """
        if isinstance(image, Image.Image):
            image = opened_image(image, exif)
        else:
            if not isinstance(image, (str, bytes, os.PathLike)) and not hasattr(image, "read"):
                raise InputError(
                    f"a photograph must be a path or a PIL image, not {type(image).__name__}."
                )
            enough = _ENOUGH * self.preprocessing.resize if exif else None
            image = open_image(image, exif, at_least=enough)
        return self.preprocessing.center_crop()(image)

    def preprocess(self, images: Photo | Sequence[Photo], exif: bool = True) -> np.ndarray:
        """What the image encoder is fed: float32 ``[n, 3, image_size, image_size]``, normalised.

        The arguments are those of :meth:`encode_image`.
        """
        steps = self.preprocessing
        pixels = [self.pixels(photo, exif) for photo in listed(images, PHOTO, "images")]
        rows = np.stack(pixels) if pixels else np.empty((0, *2 * [steps.image_size], 3), np.uint8)
        return normalize(rows, steps.mean, steps.std)

    def check_backbone(self) -> None:
        """InputError when the checkpoint holds no backbone, and so encodes no photographs."""
        if hasattr(self.image_extractor, "backbone"):
            return
        if self.frozen and self.frozen["backbone"] == GIVEN:
            raise InputError(
                f"{self.checkpoint} was trained on features that came without their network, and "
                "so cannot look at photographs: give features to encode_features, or take a "
                "model that was trained on photographs."
            )
        named = (
            f" ({self.frozen['backbone']}, fingerprint {self.frozen['fingerprint'][:12]})"
            if self.frozen
            else ""
        )
        raise InputError(
            f"{self.checkpoint} was trained over features of a frozen backbone{named} "
            "and does not hold it: use the best checkpoint of that run, or "
            "encode_features."
        )

    def encode_features(self, features: np.ndarray) -> np.ndarray:
        """Codes of precomputed backbone features, as they are: whoever has those of the mirror
        images too averages the codes, as ``test_flip`` does of photographs.

        Args:
            features: float array ``[n, feature_size]``, or ``[n, cells, feature_size]`` for a
                model over grids. float16 is read piece by piece, as memory-mapped files have it.

        Returns:
            float32 ``[n, embed_size]``.

        Raises:
            InputError: for an array of another shape, or with NaN or infinity in it.
        """
        try:
            if getattr(features, "dtype", None) != np.float16:
                features = np.asarray(features, dtype=np.float32)
        except (TypeError, ValueError):
            raise InputError("features must be numbers, as many for each image.") from None
        size = self.image_extractor.feature_size
        grid = self.config.image_features == "grid"
        if features.ndim != 2 + grid or features.shape[-1] != size:
            shape = f"[n, cells, {size}]" if grid else f"[n, {size}]"
            raise InputError(f"features must be of shape {shape}, not {features.shape}.")
        if not len(features):
            return self.no_codes()
        row = first_not_finite(features)
        if row is not None:
            raise InputError(
                f"features: row {row} holds NaN, infinity or a number too large: compute it anew."
            )
        return self._encode_features(FileRows(features), len(features))

    def no_codes(self) -> np.ndarray:
        return np.empty((0, self.embed_size), np.float32)

    def _encode_features(
        self, features: Iterable[np.ndarray], count: int, quiet: bool = True
    ) -> np.ndarray:
        with paddle.no_grad():
            return encode_rows(self.image_extractor.encode_features, features, count, BATCH, quiet)
