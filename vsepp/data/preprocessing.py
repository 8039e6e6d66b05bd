"""What is done to a photograph before a network sees it: part of what its code means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Tuple

from vsepp.data.transforms import MEAN, STD, CenterCrop, RandomCrop

if TYPE_CHECKING:
    from vsepp.config import Config

#: ``pixels`` → mean and deviation of the channels red, green, blue, in units of 255
PIXELS = {
    "imagenet": (tuple(map(float, MEAN)), tuple(map(float, STD))),
    "symmetric": ((0.5,) * 3, (0.5,) * 3),
}


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
    mean: Tuple[float, ...] = PIXELS["imagenet"][0]
    std: Tuple[float, ...] = PIXELS["imagenet"][1]
    square: bool = False
    floor_crop: bool = False

    @classmethod
    def configured(cls, config: Config) -> Preprocessing:
        """What ``resize``, ``image_size`` and ``pixels`` of a configuration say."""
        mean, std = PIXELS[config.pixels]
        return cls(config.resize, config.image_size, mean=mean, std=std)

    def center_crop(self) -> CenterCrop:
        """The transform of validation, testing and use: uint8 ``[image_size, image_size, 3]``."""
        return CenterCrop(
            self.resize, self.image_size, False, self.interpolation, self.square, self.floor_crop
        )

    def random_crop(self) -> RandomCrop:
        """The transform of training: uint8 ``[image_size, image_size, 3]``."""
        return RandomCrop(self.resize, self.image_size, False, self.interpolation, self.square)
