"""Pixels on their way into a backbone on the CPU, normalised by NumPy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import paddle
from paddle import nn

from vsepp.data.transforms import MEAN, STD, normalize
from vsepp.models.image_encoders.cnn import ImageRepExtractor
from vsepp.models.twins.sharing import array_of, tensor_of


def normalized(
    pixels: paddle.Tensor,
    mean: Sequence[float] | np.ndarray = MEAN,
    std: Sequence[float] | np.ndarray = STD,
) -> paddle.Tensor:
    """uint8 ``[batch, height, width, 3]`` → float32 ``[batch, 3, height, width]``, in the cache."""
    return tensor_of(normalize(array_of(pixels), mean, std))


def image_codes(layer: ImageRepExtractor, images: paddle.Tensor) -> paddle.Tensor:
    """What an ``ImageRepExtractor`` gives for images.

    Args:
        layer: ``ImageRepExtractor``.
        images: see its ``forward``.
    """
    if images.dtype == paddle.uint8:
        images = normalized(images, layer.mean, layer.std)
    return nn.Layer.__call__(layer, images)
