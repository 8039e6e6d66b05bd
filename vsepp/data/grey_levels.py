"""Pictures of more than 8 bits per pixel, such as X-rays, as 8 bits."""

from __future__ import annotations

import numpy as np
from PIL import Image

MIDDLE = 128  # of a picture that is the same everywhere


def is_deep(mode: str) -> bool:
    """Whether a picture of this mode of Pillow's has one number of more than 8 bits per pixel."""
    return mode == "F" or mode == "I" or mode.startswith("I;")


def as_8_bits(image: Image.Image) -> Image.Image:
    """A picture of 16-bit, 32-bit or floating-point grey, in mode L, by its own range.

    Its darkest pixel becomes 0 and its brightest 255, since nothing says what else would be
    black and white; where all are equal they become 128. Infinity is taken for the brightest or
    the darkest of what is finite, and NaN for the darkest.
    """
    values = np.asarray(image)
    finite = np.isfinite(values)
    grey = np.full(values.shape, MIDDLE, np.uint8)
    if not finite.any():
        return Image.fromarray(grey)
    low = float(values.min(where=finite, initial=values[finite][0]))
    high = float(values.max(where=finite, initial=low))
    if high > low:
        for line, row in zip(grey, values):  # line by line: the doubles take eight times the room
            levels = np.nan_to_num(row.astype(np.float64), nan=low, posinf=high, neginf=low)
            line[:] = np.rint((levels - low) * (255 / (high - low)))
    return Image.fromarray(grey)
