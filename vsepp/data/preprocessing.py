"""What is done to a photograph before a network sees it: part of what its code means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

from vsepp.data.transforms import MEAN, STD, CenterCrop, RandomCrop


@dataclass(frozen=True)
class Preprocessing:
    """The steps from a decoded photograph to a network's input.

    Attributes:
        resize: pixels of the shorter side before cropping.
        image_size: side of the square crop, in pixels.
        interpolation: how it is resized.
        mean, std: of the channels red, green, blue, in units of 255.
        square: the longer side becomes ``resize`` pixels too, so that all of it is seen, squeezed.
        floor_crop: half a pixel of the crop's place is left out, not rounded to the even number.
    """

    resize: int = 256
    image_size: int = 224
    interpolation: str = "bilinear"
    mean: Tuple[float, ...] = tuple(map(float, MEAN))
    std: Tuple[float, ...] = tuple(map(float, STD))
    square: bool = False
    floor_crop: bool = False

    def center_crop(self) -> CenterCrop:
        """The transform of validation, testing and use: uint8 ``[image_size, image_size, 3]``."""
        return CenterCrop(
            self.resize, self.image_size, False, self.interpolation, self.square, self.floor_crop
        )

    def random_crop(self) -> RandomCrop:
        """The transform of training: uint8 ``[image_size, image_size, 3]``."""
        return RandomCrop(self.resize, self.image_size, False, self.interpolation, self.square)
