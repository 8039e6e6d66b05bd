"""From a photograph to the array a backbone sees.

Equal to torchvision's (and Paddle's) Resize → CenterCrop or RandomCrop → ToTensor →
Normalize on PIL images. Written with NumPy so that loader processes need no Paddle, and
so that a random crop follows from a generator that is handed in: (seed, epoch, index)
decide it, whatever the number of workers.

Normalising makes four bytes of one. What loads images for a network can leave it out
(``normalized=False``) and hand over uint8 crops; image encoders take both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image

MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)  # ImageNet's, RGB
STD = np.array([0.229, 0.224, 0.225], dtype=np.float32)
_LONGEST = 50  # times as long as wide


def kept_size(width: int, height: int, square: bool = False) -> tuple[int, int]:
    """(width, height) of the middle of an image that is resized.

    All of it, unless it is more than 50 times as long as wide. Of a line of pixels a file of some
    hundred bytes can hold so many that they would fill the memory once they are as wide as a
    network wants them; so both ends are left out alike. What lies at the centre stays there.

    Args:
        width, height: in pixels.
        square: see :func:`resized_size`, which leaves nothing out then.
    """
    if square:
        return width, height
    most = _LONGEST * min(width, height)
    return width - max(0, width - most) // 2 * 2, height - max(0, height - most) // 2 * 2


def resized_size(width: int, height: int, size: int, square: bool = False) -> tuple[int, int]:
    """(width, height) of an image whose shorter side becomes ``size`` pixels: of what
    :func:`kept_size` keeps of it.

    Args:
        width, height, size: in pixels.
        square: its longer side becomes ``size`` pixels as well, whatever that does to its shape.
    """
    if square:
        return size, size
    width, height = kept_size(width, height)
    if min(width, height) == size:
        return width, height
    if width <= height:
        return size, int(size * height / width)
    return int(size * width / height), size


def resize(
    image: Image.Image, size: int, interpolation: str = "bilinear", square: bool = False
) -> Image.Image:
    """Resize a PIL image, or what :func:`kept_size` keeps of it, so that its shorter side is
    ``size`` pixels.

    Args:
        image: the PIL image.
        size: in pixels.
        interpolation: ``bilinear``, ``bicubic`` or another that Pillow has.
        square: see :func:`resized_size`.
    """
    shape = resized_size(*image.size, size, square)
    width, height = kept_size(*image.size, square)
    if (width, height) != image.size:
        left, top = (image.width - width) // 2, (image.height - height) // 2
        image = image.crop((left, top, left + width, top + height))
    if shape == image.size:
        return image
    return image.resize(shape, Image.Resampling[interpolation.upper()])


def crop(image: Image.Image | np.ndarray, left: int, top: int, size: int) -> np.ndarray:
    """The ``size`` × ``size`` square at (left, top) as uint8 ``[size, size, 3]``.

    Args:
        image: a PIL image, or uint8 ``[height, width, 3]`` that holds the whole square.
    """
    if isinstance(image, np.ndarray):
        return np.array(image[top : top + size, left : left + size])
    return np.asarray(image.crop((left, top, left + size, top + size)))


def normalize(
    pixels: np.ndarray,
    mean: Sequence[float] | np.ndarray = MEAN,
    std: Sequence[float] | np.ndarray = STD,
) -> np.ndarray:
    """uint8 ``[..., height, width, 3]`` → float32 ``[..., 3, height, width]``.

    Args:
        pixels: the uint8 array.
        mean, std: of the channels, in units of 255; by default ImageNet's.
    """
    mean, std = np.asarray(mean, np.float32), np.asarray(std, np.float32)
    height, width, _ = pixels.shape[-3:]
    result = np.empty((*pixels.shape[:-3], 3, height, width), np.float32)
    # One channel of one image at a time, which stays in the cache.
    for image, planes in zip(
        pixels.reshape(-1, height, width, 3), result.reshape(-1, 3, height, width)
    ):
        for channel, plane in enumerate(planes):
            np.divide(image[..., channel], np.float32(255), out=plane, dtype=np.float32)
            plane -= mean[channel]
            plane /= std[channel]
    return result


class CenterCrop:
    """Resize(``resize``) → CenterCrop(``image_size``) → ToTensor → Normalize.

    Calling it on a PIL RGB image, or on uint8 ``[height, width, 3]`` that is resized already,
    returns float32 ``[3, image_size, image_size]``; with ``normalized=False`` the uint8
    ``[image_size, image_size, 3]`` before the last two steps. With ``square`` it is squeezed to
    ``resize`` × ``resize``, whatever its shape. Half a pixel of the crop's place goes to the even
    number, as torchvision has it; with ``floor_crop`` it is left out, as Hugging Face has it.
    """

    def __init__(
        self,
        resize: int = 256,
        image_size: int = 224,
        normalized: bool = True,
        interpolation: str = "bilinear",
        square: bool = False,
        floor_crop: bool = False,
    ) -> None:
        self.resize = resize
        self.interpolation = interpolation
        self.square = square
        self.image_size = image_size
        self.normalized = normalized
        self.floor_crop = floor_crop

    def resized(self, image: Image.Image | np.ndarray) -> tuple[Image.Image | np.ndarray, int, int]:
        """(the image before it is cropped, its width, its height)."""
        return _resized(image, self.resize, self.interpolation, self.square)

    def pixels(self, image: Image.Image | np.ndarray) -> np.ndarray:
        """The crop as uint8 ``[image_size, image_size, 3]``."""
        image, width, height = self.resized(image)
        whole = math.floor if self.floor_crop else round
        left = int(whole((width - self.image_size) / 2.0))
        top = int(whole((height - self.image_size) / 2.0))
        return crop(image, left, top, self.image_size)

    def __call__(self, image: Image.Image | np.ndarray) -> np.ndarray:
        pixels = self.pixels(image)
        return normalize(pixels) if self.normalized else pixels


class RandomCrop:
    """Resize(``resize``) → RandomCrop(``image_size``) → ToTensor → Normalize.

    Called like a :class:`CenterCrop`. ``generator`` (a ``numpy.random.Generator``) decides
    where the crop lies. Without one it is drawn afresh.
    """

    takes_generator = True

    def __init__(
        self,
        resize: int = 256,
        image_size: int = 224,
        normalized: bool = True,
        interpolation: str = "bilinear",
        square: bool = False,
    ) -> None:
        self.resize = resize
        self.interpolation = interpolation
        self.square = square
        self.image_size = image_size
        self.normalized = normalized

    def pixels(
        self, image: Image.Image | np.ndarray, generator: np.random.Generator | None = None
    ) -> np.ndarray:
        """The crop as uint8 ``[image_size, image_size, 3]``."""
        generator = generator or np.random.default_rng()
        image, width, height = _resized(image, self.resize, self.interpolation, self.square)
        left = int(generator.integers(width - self.image_size + 1))
        top = int(generator.integers(height - self.image_size + 1))
        return crop(image, left, top, self.image_size)

    def __call__(
        self, image: Image.Image | np.ndarray, generator: np.random.Generator | None = None
    ) -> np.ndarray:
        pixels = self.pixels(image, generator)
        return normalize(pixels) if self.normalized else pixels


def _resized(
    image: Image.Image | np.ndarray, size: int, interpolation: str, square: bool
) -> tuple[Image.Image | np.ndarray, int, int]:
    """(image, width, height), resized unless it is an array, which is resized already."""
    if isinstance(image, np.ndarray):
        return image, image.shape[1], image.shape[0]
    image = resize(image, size, interpolation, square)
    return image, *image.size
