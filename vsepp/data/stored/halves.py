"""Numbers of two bytes, as they are stored, as the four bytes that are computed with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

#: Every float16 as float32, by its bits: 256 kB. NumPy, which takes the bits apart number by
#: number, needs two to six times as long.
_FLOAT32 = np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float32)


def stack_float32(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Arrays of one shape, stacked: ``[n, ...]``; float16 becomes float32, once, on its way."""
    first = arrays[0]
    if first.dtype != np.float16:
        return np.stack(arrays)
    result = np.empty((len(arrays), *first.shape), np.float32)
    for row, halves in zip(result, arrays):
        bits = np.ascontiguousarray(halves).view(np.uint16)
        np.take(_FLOAT32, bits, out=row, mode="wrap")  # "raise" would go by way of a copy
    return result
