"""Captions of different lengths as one grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vsepp.system.errors import InputError


def padded(
    captions: Sequence[Sequence[int]], width: int = 0, padding: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Captions as one grid.

    Args:
        captions: lists of indices.
        width: columns of the grid; 0: as many as the longest caption has.
        padding: what stands after a caption's end.

    Returns:
        (int64 ``[n, longest]``; int64 ``[n]``, lengths)

    Raises:
        InputError: for an empty caption.
    """
    lengths = np.array([len(caption) for caption in captions], dtype=np.int64)
    if not lengths.all():
        raise InputError(f"caption {lengths.argmin()} is empty: give at least one word of each.")
    grid = np.full((len(captions), width or lengths.max(initial=0)), padding, dtype=np.int64)
    for row, caption in zip(grid, captions):
        row[: len(caption)] = caption
    return grid, lengths
