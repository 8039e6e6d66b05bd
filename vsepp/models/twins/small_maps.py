"""Small feature maps on a CPU: depthwise convolution and ShuffleNet's channel shuffle.

Paddle computes a depthwise convolution by one tiny matrix product for each channel of each image,
and shuffles channels by a copy number by number. On maps of a few pixels, which is what a
backbone makes of a small picture, the calls cost far more than the arithmetic. Here all channels
of all images lie side by side in memory, and each tap of the kernel is one product over them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import paddle
from paddle import nn
from paddle.autograd import PyLayer
from paddle.vision.models import shufflenetv2

from vsepp.models.twins.sharing import array_of, empty, tensor_of

LARGEST = 24  # pixels a side of a map; on larger ones Paddle's own way is as fast


def _side_by_side(maps: np.ndarray, padding: int = 0) -> np.ndarray:
    """float32 ``[batch, channels, height, width]`` → ``[height, width, batch · channels]``."""
    batch, channels, height, width = maps.shape
    result = np.zeros((height + 2 * padding, width + 2 * padding, batch * channels), np.float32)
    inner = result[padding : padding + height, padding : padding + width]
    inner[...] = maps.reshape(batch * channels, height, width).transpose(1, 2, 0)
    return result


def _as_maps(rows: np.ndarray, batch: int) -> np.ndarray:
    """``[height, width, batch · channels]`` → ``[batch, channels, height, width]``."""
    height, width, count = rows.shape
    maps = empty((count, height, width))
    maps[...] = rows.transpose(2, 0, 1)
    return maps.reshape(batch, -1, height, width)


def _under_tap(
    padded: np.ndarray, row: int, column: int, size: tuple[int, int], stride: int
) -> np.ndarray:
    """What one tap of the kernel meets, a view ``[*size, batch · channels]``."""
    height, width = (stride * (length - 1) + 1 for length in size)
    return padded[row : row + height : stride, column : column + width : stride]


def _taps(kernel: np.ndarray, batch: int) -> Iterator[tuple[int, int, np.ndarray]]:
    """(row, column, weight of each channel of each image ``[batch · channels]``)."""
    for row in range(kernel.shape[2]):
        for column in range(kernel.shape[3]):
            yield row, column, np.tile(kernel[:, 0, row, column], batch)


class _Depthwise(PyLayer):
    @staticmethod
    def forward(
        ctx: Any, inputs: paddle.Tensor, weight: paddle.Tensor, stride: int, padding: int
    ) -> paddle.Tensor:
        maps, kernel = array_of(inputs), array_of(weight)
        padded = _side_by_side(maps, padding)
        size = tuple(
            (length - extent) // stride + 1
            for length, extent in zip(padded.shape, kernel.shape[2:])
        )
        result = np.zeros((*size, padded.shape[2]), np.float32)
        product = np.empty_like(result)
        for row, column, weights in _taps(kernel, len(maps)):
            np.multiply(_under_tap(padded, row, column, size, stride), weights, out=product)
            result += product
        ctx.saved = padded, kernel, stride, padding, len(maps)
        return tensor_of(_as_maps(result, len(maps)))

    @staticmethod
    def backward(ctx: Any, grad: paddle.Tensor) -> tuple[paddle.Tensor, paddle.Tensor]:
        padded, kernel, stride, padding, batch = ctx.saved
        rows = _side_by_side(grad.numpy())
        padded_grad, product = np.zeros_like(padded), np.empty_like(rows)
        kernel_grad = np.empty(kernel.shape, np.float32)
        for row, column, weights in _taps(kernel, batch):
            place = row, column, rows.shape[:2], stride
            np.multiply(_under_tap(padded, *place), rows, out=product)
            by_image = product.sum(axis=(0, 1)).reshape(batch, -1)
            kernel_grad[:, 0, row, column] = by_image.sum(axis=0)
            _under_tap(padded_grad, *place)[...] += np.multiply(rows, weights, out=product)
        height, width = (length - padding for length in padded.shape[:2])
        inner = padded_grad[padding:height, padding:width]
        return tensor_of(_as_maps(inner, batch)), tensor_of(kernel_grad)


class _DepthwiseForward:
    """``forward`` of a ``Conv2D`` that is depthwise, for small maps on a CPU."""

    def __init__(self, layer: nn.Conv2D) -> None:
        self.layer = layer

    def __call__(self, inputs: paddle.Tensor) -> paddle.Tensor:
        layer = self.layer
        if not _is_small(inputs):
            return type(layer).forward(layer, inputs)
        return _Depthwise.apply(inputs, layer.weight, layer._stride[0], layer._padding)


def _is_small(maps: paddle.Tensor) -> bool:
    return (
        paddle.in_dynamic_mode()
        and maps.place.is_cpu_place()
        and maps.dtype == paddle.float32
        and max(maps.shape[2:]) <= LARGEST
    )


def _is_depthwise(layer: nn.Layer) -> bool:
    return (
        type(layer) is nn.Conv2D
        and layer._groups == layer._in_channels == layer._out_channels > 1
        and layer.bias is None
        and isinstance(layer._padding, int)
        and layer._padding_mode == "zeros"
        and layer._stride[0] == layer._stride[1]
        and tuple(layer._dilation) == (1, 1)
        and layer._data_format == "NCHW"
    )


def shuffle_two(first: paddle.Tensor, second: paddle.Tensor) -> paddle.Tensor:
    """Channels of two tensors ``[batch, channels, height, width]`` by turns.

    This is ``channel_shuffle`` of both, one behind the other, in two groups.
    """
    batch, channels, height, width = first.shape
    return paddle.stack([first, second], axis=2).reshape([batch, 2 * channels, height, width])


class _UnitForward:
    """``forward`` of ShuffleNet's unit that leaves half of the channels as they are."""

    def __init__(self, unit: nn.Layer) -> None:
        self.unit = unit

    def __call__(self, inputs: paddle.Tensor) -> paddle.Tensor:
        unit = self.unit
        kept, taken = paddle.split(inputs, 2, axis=1)
        return shuffle_two(kept, unit._conv_linear(unit._conv_dw(unit._conv_pw(taken))))


class _HalvingUnitForward:
    """``forward`` of ShuffleNet's unit that halves the map."""

    def __init__(self, unit: nn.Layer) -> None:
        self.unit = unit

    def __call__(self, inputs: paddle.Tensor) -> paddle.Tensor:
        unit = self.unit
        first = unit._conv_linear_1(unit._conv_dw_1(inputs))
        second = unit._conv_linear_2(unit._conv_dw_2(unit._conv_pw_2(inputs)))
        return shuffle_two(first, second)


_UNITS = {
    shufflenetv2.InvertedResidual: _UnitForward,
    shufflenetv2.InvertedResidualDS: _HalvingUnitForward,
}


def hasten_small_maps(backbone: nn.Layer) -> int:
    """Let a backbone compute small maps by this module where they lie on a CPU.

    Its parameters and what it computes stay as they are.

    Returns:
        int: in how many layers that is done.
    """
    hastened = 0
    for layer in backbone.sublayers():
        forward = _DepthwiseForward if _is_depthwise(layer) else _UNITS.get(type(layer))
        if forward:
            layer.forward = forward(layer)
            hastened += 1
    return hastened
