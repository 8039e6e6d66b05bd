"""Pixels on their way into a backbone on the CPU, normalised by NumPy."""

from __future__ import annotations

import paddle
from paddle import nn

from vsepp.data.transforms import normalize
from vsepp.models.twins.sharing import array_of, tensor_of


def image_codes(layer, images: paddle.Tensor) -> paddle.Tensor:
    """What an ``ImageRepExtractor`` gives for images, uint8 pixels normalised in the cache.

    Args:
        layer: ``ImageRepExtractor``.
        images: see its ``forward``.
    """
    if images.dtype == paddle.uint8:
        images = tensor_of(normalize(array_of(images), layer.mean, layer.std))
    return nn.Layer.__call__(layer, images)
