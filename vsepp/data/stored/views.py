"""Further views of a photograph, whose features are stored beside the plain ones.

View 0 is the photograph as a network sees it in use: resized, and cropped at the centre. View 1 is
that, mirrored. Each further view is a crop of the resized photograph, which may show what the
centre does not, resized to what the network takes, and mirrored half the time. It follows from the
number of the view and the position of the photograph in its split, and from no run's seed: all
runs share the files.
"""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from vsepp.data.preprocessing import Preprocessing

MIRROR = 1

_AREA = (0.6, 1.0)  # of the resized photograph
_ASPECT = (3 / 4, 4 / 3)  # width to height of the crop, in pixels
_TRIES = 10


def view_pixels(
    steps: Preprocessing, photograph: Image.Image, view: int, position: int
) -> np.ndarray:
    """What the network sees of a photograph: uint8 ``[image_size, image_size, 3]``.

    Args:
        steps: what is done to a photograph first.
        photograph: a PIL RGB image.
        view: its number.
        position: of the photograph in its split.
    """
    plain = steps.center_crop()
    if view <= MIRROR:
        pixels = plain.pixels(photograph)
        return mirrored(pixels) if view else pixels
    generator = np.random.default_rng((view, position))
    picture, width, height = plain.resized(photograph)
    left, top, right, bottom = random_box(width, height, generator)
    cropped = Image.fromarray(np.asarray(picture)[top:bottom, left:right])
    shape = (steps.image_size, steps.image_size)
    pixels = np.asarray(cropped.resize(shape, Image.Resampling[steps.interpolation.upper()]))
    return mirrored(pixels) if generator.random() < 0.5 else pixels


def mirrored(pixels: np.ndarray) -> np.ndarray:
    """``[..., height, width, channels]`` with left and right exchanged."""
    return np.ascontiguousarray(pixels[..., ::-1, :])


def random_box(
    width: int, height: int, generator: np.random.Generator
) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of a crop of 60 to 100 % of the area, with sides of 3:4 to 4:3.

    Where none is found that fits, the photograph is long and narrow: the largest crop of
    allowed sides, at its centre.
    """
    for _ in range(_TRIES):
        area = width * height * generator.uniform(*_AREA)
        aspect = math.exp(generator.uniform(math.log(_ASPECT[0]), math.log(_ASPECT[1])))
        across, down = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < across <= width and 0 < down <= height:
            left = int(generator.integers(width - across + 1))
            top = int(generator.integers(height - down + 1))
            return left, top, left + across, top + down
    across = min(width, max(1, round(height * _ASPECT[1])))
    down = min(height, max(1, round(width / _ASPECT[0])))
    left, top = (width - across) // 2, (height - down) // 2
    return left, top, left + across, top + down
