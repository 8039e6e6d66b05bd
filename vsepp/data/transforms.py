"""From a photograph to the array a backbone sees.

Equal to torchvision's (and Paddle's) Resize → CenterCrop or RandomCrop → ToTensor →
Normalize on PIL images. Written with NumPy so that loader processes need no Paddle, and
so that a random crop follows from a generator that is handed in: (seed, epoch, index)
decide it, whatever the number of workers.
"""

import numpy as np
from PIL import Image

MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)  # ImageNet's, RGB
STD = np.array([0.229, 0.224, 0.225], dtype=np.float32)


def resize(image, size):
    """Resize a PIL image so that its shorter side is ``size`` pixels (bilinear)."""
    width, height = image.size
    if min(width, height) == size:
        return image
    if width <= height:
        shape = (size, int(size * height / width))
    else:
        shape = (int(size * width / height), size)
    return image.resize(shape, Image.BILINEAR)


def crop(image, left, top, size):
    """The ``size`` × ``size`` square at (left, top) as uint8 ``[size, size, 3]``."""
    return np.asarray(image.crop((left, top, left + size, top + size)))


def normalize(pixels):
    """uint8 ``[..., height, width, 3]`` → float32 ``[..., 3, height, width]``, ImageNet's scale."""
    scaled = (pixels.astype(np.float32) / 255 - MEAN) / STD
    return np.ascontiguousarray(np.moveaxis(scaled, -1, -3))


class CenterCrop:
    """Resize(``resize``) → CenterCrop(``image_size``) → ToTensor → Normalize.

    Calling it on a PIL RGB image returns float32 ``[3, image_size, image_size]``.
    """

    def __init__(self, resize=256, image_size=224):
        self.resize = resize
        self.image_size = image_size

    def pixels(self, image):
        """The crop as uint8 ``[image_size, image_size, 3]``."""
        image = resize(image, self.resize)
        width, height = image.size
        left = int(round((width - self.image_size) / 2.0))
        top = int(round((height - self.image_size) / 2.0))
        return crop(image, left, top, self.image_size)

    def __call__(self, image):
        return normalize(self.pixels(image))


class RandomCrop:
    """Resize(``resize``) → RandomCrop(``image_size``) → ToTensor → Normalize.

    ``generator`` (a ``numpy.random.Generator``) decides where the crop lies. Without one
    it is drawn afresh.
    """

    takes_generator = True

    def __init__(self, resize=256, image_size=224):
        self.resize = resize
        self.image_size = image_size

    def pixels(self, image, generator=None):
        """The crop as uint8 ``[image_size, image_size, 3]``."""
        generator = generator or np.random.default_rng()
        image = resize(image, self.resize)
        width, height = image.size
        left = int(generator.integers(width - self.image_size + 1))
        top = int(generator.integers(height - self.image_size + 1))
        return crop(image, left, top, self.image_size)

    def __call__(self, image, generator=None):
        return normalize(self.pixels(image, generator))
