"""A linear layer on the CPU, in NumPy's products, with or without a ReLU."""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle
from paddle import nn
from paddle.autograd import PyLayer

from vsepp.models.twins.sharing import array_of, empty, gradients, tensor_of, wanted


def affine(layer: nn.Linear, inputs: paddle.Tensor, rectified: bool = False) -> paddle.Tensor:
    """What ``nn.Linear`` with a bias gives.

    Args:
        layer: whose parameters are used.
        inputs: float32 ``[…, size]``; no gradient is computed of those that want none.
        rectified: end in a ReLU.
    """
    rows = inputs.reshape([-1, inputs.shape[-1]])
    if not paddle.is_grad_enabled():
        weight, bias = array_of(layer.weight), array_of(layer.bias)
        result = tensor_of(_forward(array_of(rows), weight, bias, rectified))
    else:
        given = array_of(rows) if rows.stop_gradient else rows
        result = _Affine.apply(layer.weight, layer.bias, given, rectified)
    return result.reshape([*inputs.shape[:-1], result.shape[1]])


def _forward(rows: np.ndarray, weight: np.ndarray, bias: np.ndarray, rectified: bool) -> np.ndarray:
    result = np.matmul(rows, weight, out=empty((len(rows), weight.shape[1])))
    result += bias
    return np.maximum(result, 0, out=result) if rectified else result


class _Affine(PyLayer):
    @staticmethod
    def forward(
        ctx: Any,
        weight: paddle.Tensor,
        bias: paddle.Tensor,
        inputs: paddle.Tensor | np.ndarray,
        rectified: bool,
    ) -> paddle.Tensor:
        given = isinstance(inputs, np.ndarray)
        rows = inputs if given else array_of(inputs)
        matrix = array_of(weight)
        result = _forward(rows, matrix, array_of(bias), rectified)
        ctx.wanted = wanted((weight, bias) if given else (weight, bias, inputs))
        ctx.saved = rows, matrix, result > 0 if rectified else None, given
        return tensor_of(result)

    @staticmethod
    def backward(ctx: Any, grad: paddle.Tensor) -> tuple[paddle.Tensor | None, ...]:
        rows, weight, positive, given = ctx.saved
        ctx.saved = None
        values = array_of(grad)
        if positive is not None:
            values = values * positive
        grads = [np.matmul(rows.T, values, out=empty(weight.shape)), values.sum(axis=0)]
        if not given:
            grads.append(np.matmul(values, weight.T, out=empty(rows.shape)))
        return gradients(grads, ctx.wanted)
