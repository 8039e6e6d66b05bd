"""Codes that are averages over a photograph and its mirror image (``test_flip``)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from vsepp.data.stored.views import mirrored


def with_mirror_images(pixels: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """uint8 ``[height, width, 3]`` of photographs, each followed by its mirror image."""
    for photograph in pixels:
        yield photograph
        yield mirrored(photograph)


def averaged(extractor: Any, codes: np.ndarray, mirror_codes: np.ndarray) -> np.ndarray:
    """The codes of photographs, from those of them and those of their mirror images.

    Args:
        extractor: the image encoder: where it divides codes by their length, so are the averages.
        codes, mirror_codes: float32 ``[n, embed_size]``.
    """
    average = (codes + mirror_codes) / 2
    if getattr(extractor, "normalize", True):
        lengths = np.linalg.norm(average, axis=1, keepdims=True)
        average /= np.where(lengths > 0, lengths, 1)
    return average


def averaged_pairs(extractor: Any, codes: np.ndarray) -> np.ndarray:
    """As :func:`averaged`, of codes in the order of :func:`with_mirror_images`."""
    return averaged(extractor, codes[0::2], codes[1::2])
