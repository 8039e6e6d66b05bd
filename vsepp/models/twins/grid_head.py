"""The head over a grid on the CPU: one product over all cells, and poolings in NumPy.

Only for features that are given, such as stored ones: no gradient is computed for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import paddle
from paddle import nn
from paddle.autograd import PyLayer

from vsepp.models.dropout import kept_numbers
from vsepp.models.embedding import TINY
from vsepp.models.image_encoders.features import FeatureRepExtractor
from vsepp.models.pooling import GPO, MaxPooling, MeanPooling
from vsepp.models.twins.cell_pooling import MOST_CELLS, Average, CellPooling, Largest, Ranked
from vsepp.models.twins.sharing import array_of, empty, tensor_of

_POOLINGS: dict[type[nn.Layer], type[CellPooling]] = {MeanPooling: Average, MaxPooling: Largest}


class _Activations(NamedTuple):
    """What the backward pass needs besides what the pooling keeps."""

    features: np.ndarray  # [cells, feature_size]
    hidden: np.ndarray | None  # [hidden, cells], after the ReLU


def feature_codes(layer: FeatureRepExtractor, features: paddle.Tensor) -> paddle.Tensor:
    """What a ``FeatureRepExtractor`` gives for features.

    Args:
        layer: ``FeatureRepExtractor``.
        features: see its ``forward``.
    """
    if not _is_fast(layer, features):
        return layer.codes_of_features(features)
    layer.check_features(features)
    images, cells = features.shape[:2]
    numbers = None
    if layer.training and layer.feature_dropout:  # drawn before the cells, as the layer does
        numbers = kept_numbers(features.shape, layer.feature_dropout)
    kept = layer.drawn_cells(features)
    rows: Any = slice(None)
    lengths = np.full(images, cells)
    if kept is not None:
        rows = kept.numpy().reshape(-1)
        lengths = rows.reshape(images, cells).sum(1)
    own = layer.normalize_features or numbers is not None
    read = _read(array_of(features), rows, own)
    if layer.normalize_features:
        squared = np.einsum("ij,ij->i", read, read)
        read /= np.sqrt(np.where(squared > TINY, squared, 1), dtype=np.float32)[:, None]
    if numbers is not None:
        read *= numbers.reshape(images * cells, -1)[rows]
        read *= np.float32(1 / (1 - layer.feature_dropout))
    weights = [layer.fc.weight, layer.fc.bias]
    if layer.mlp is not None:
        weights += layer.mlp.parameters()
    ends = np.cumsum(lengths).tolist()
    spans = [slice(start, end) for start, end in zip([0, *ends], ends)]
    pooling: CellPooling
    if isinstance(layer.pooling, GPO):
        distinct, which = np.unique(lengths, return_inverse=True)
        table = layer.pooling.table(distinct)
        pooling = Ranked(spans, array_of(table), which.reshape(-1).tolist())
        weights.append(table)
    else:
        pooling = _POOLINGS[type(layer.pooling)](spans)
    if paddle.is_grad_enabled():
        values = _GridHead.apply(*weights, read, pooling)
    else:
        arrays = list(map(array_of, weights))
        values = tensor_of(forward(read, arrays, pooling, keep=False)[0])
    return layer.code_of(values)


def _is_fast(layer: FeatureRepExtractor, features: paddle.Tensor) -> bool:
    return (
        type(layer.pooling) in (*_POOLINGS, GPO)
        and isinstance(layer.fc, nn.Linear)
        and features.stop_gradient
        and len(features.shape) == 3
        and features.shape[1] <= MOST_CELLS
    )


def _read(features: np.ndarray, rows: Any, own: bool) -> np.ndarray:
    """float16 or float32 ``[images, cells, size]`` → float32 ``[rows, size]``.

    Args:
        own: what is returned is to be written to, and so no view.
    """
    read = features.reshape(-1, features.shape[2])[rows].astype(np.float32, copy=False)
    return read.copy() if own and np.may_share_memory(read, features) else read


def forward(
    features: np.ndarray, weights: Sequence[np.ndarray], pooling: CellPooling, keep: bool
) -> tuple[np.ndarray, _Activations]:
    """float32 ``[cells of all images, feature_size]`` → float32 ``[images, embed_size]``.

    Biases of what is pooled are added afterwards: what is added to every cell is added to the
    mean, to the largest, and to every average of the sorted.

    Args:
        weights: of the linear layer; of the MLP's two, where it has one; GPO's table, which the
            pooling has already.
    """
    weight, bias, *more = weights
    values = np.matmul(weight.T, features.T, out=empty((weight.shape[1], len(features))))
    hidden = None
    if len(more) >= 4:
        first, first_bias, second, second_bias = more[:4]
        hidden = np.matmul(first.T, features.T, out=empty((first.shape[1], len(features))))
        hidden += first_bias[:, None]
        np.maximum(hidden, 0, out=hidden)
        values += second.T @ hidden
        bias = bias + second_bias
    pooled = pooling.forward(values, keep)
    pooled += bias
    return pooled, _Activations(features, hidden)


def backward(
    grad: np.ndarray, weights: Sequence[np.ndarray], pooling: CellPooling, activations: _Activations
) -> list[np.ndarray]:
    """Gradients of ``weights``, from that of the images' values ``[images, embed_size]``."""
    features, hidden = activations
    values_grad, table_grad = pooling.backward(grad)
    grads = [np.matmul(features.T, values_grad.T, out=empty(weights[0].shape)), grad.sum(axis=0)]
    if hidden is not None:
        first, second = weights[2], weights[4]
        hidden_grad = second @ values_grad
        hidden_grad *= hidden > 0
        grads += [
            np.matmul(features.T, hidden_grad.T, out=empty(first.shape)),
            hidden_grad.sum(axis=1),
            np.matmul(hidden, values_grad.T, out=empty(second.shape)),
            grads[1].copy(),
        ]
    return grads if table_grad is None else [*grads, table_grad]


class _GridHead(PyLayer):
    """Weights, cells and their pooling → values of images, float32 ``[images, embed_size]``."""

    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> paddle.Tensor:
        *weights, features, pooling = inputs
        arrays = list(map(array_of, weights))
        values, activations = forward(features, arrays, pooling, keep=True)
        ctx.saved = arrays, pooling, activations
        return tensor_of(values)

    @staticmethod
    def backward(ctx: Any, grad: paddle.Tensor) -> tuple[paddle.Tensor, ...]:
        arrays, pooling, activations = ctx.saved
        ctx.saved = None
        return tuple(map(tensor_of, backward(grad.numpy(), arrays, pooling, activations)))
