"""Pooling of packed captions for the CPU: ``vsepp.models.pooling`` without padding and sorting.

The captions that have a word at a step are the first ones of the step before, so whatever is done
for two steps is done for slices. GPO needs no sorted values, only each value's place among those
of its caption, which is counted; weights are then looked up by place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import paddle
from paddle import nn
from paddle.autograd import PyLayer

from vsepp.models.pooling import GPO, MaxPooling, MeanPooling
from vsepp.models.twins.sharing import array_of, empty, tensor_of
from vsepp.models.twins.step_packing import StepPacking

_COUNTED = 64  # words of a caption up to which counting places is faster than sorting


def _mean(states: np.ndarray, packing: StepPacking) -> tuple[np.ndarray, Any]:
    total = states[packing.steps[0]].copy()
    for rows in packing.steps[1:]:
        total[: rows.stop - rows.start] += states[rows]
    total /= packing.lengths[:, None].astype(np.float32)
    return total, None


def _mean_grad(grad: np.ndarray, kept: None, packing: StepPacking) -> tuple[np.ndarray, ...]:
    return ((grad / packing.lengths[:, None].astype(np.float32))[packing.captions],)


def _max(states: np.ndarray, packing: StepPacking) -> tuple[np.ndarray, np.ndarray]:
    largest = states[packing.steps[0]].copy()
    where = np.zeros(largest.shape, np.int32)  # the step of the largest
    for step, rows in enumerate(packing.steps[1:], start=1):
        count = rows.stop - rows.start
        where[:count][states[rows] > largest[:count]] = step
        np.maximum(largest[:count], states[rows], out=largest[:count])
    return largest, where


def _max_grad(grad: np.ndarray, where: np.ndarray, packing: StepPacking) -> tuple[np.ndarray, ...]:
    result = empty((len(packing.words), grad.shape[1]))
    for step, rows in enumerate(packing.steps):
        count = rows.stop - rows.start
        np.multiply(grad[:count], where[:count] == step, out=result[rows])
    return (result,)


def places(states: np.ndarray, packing: StepPacking) -> np.ndarray:
    """How many values of its caption stand before each, the largest first: ``[words, size]``.

    Of equal ones, that of the earlier word goes first.
    """
    longest = len(packing.steps)
    if longest > _COUNTED:
        return _sorted_places(states, packing)
    found = np.empty(states.shape, np.uint8)
    smaller = np.empty((packing.batch_sizes[0], states.shape[1]), bool)
    for step, rows in enumerate(packing.steps):
        count = rows.stop - rows.start
        found[rows] = step  # as if all before it were larger
        for before in packing.steps[:step]:
            rows_before = slice(before.start, before.start + count)
            less = np.less(states[rows_before], states[rows], out=smaller[:count]).view(np.uint8)
            found[rows_before] += less
            found[rows] -= less
    return found


def _sorted_places(states: np.ndarray, packing: StepPacking) -> np.ndarray:
    found = np.empty(states.shape, np.int64)
    starts = np.array([rows.start for rows in packing.steps])
    for caption, length in enumerate(packing.lengths.tolist()):
        rows = starts[:length] + caption
        order = np.argsort(-states[rows], axis=0, kind="stable")
        found[rows] = np.argsort(order, axis=0)
    return found


def _gpo(states: np.ndarray, packing: StepPacking, table: np.ndarray) -> tuple[np.ndarray, Any]:
    index = places(states, packing).astype(np.intp)
    _, which = np.unique(packing.lengths, return_inverse=True)
    index += (which.reshape(-1) * table.shape[1])[packing.captions][:, None]
    weights = np.take(table.reshape(-1), index)
    result = np.zeros((packing.batch_sizes[0], states.shape[1]), np.float32)
    for rows in packing.steps:
        result[: rows.stop - rows.start] += weights[rows] * states[rows]
    return result, (states, index, weights, table.shape)


def _gpo_grad(grad: np.ndarray, kept: Any, packing: StepPacking) -> tuple[np.ndarray, ...]:
    states, index, weights, shape = kept
    spread = grad[packing.captions]
    weights *= spread
    spread *= states
    table_grad = np.bincount(index.reshape(-1), spread.reshape(-1), shape[0] * shape[1])
    return weights, table_grad.reshape(shape).astype(np.float32)


_FORWARD: dict[type[nn.Layer], Callable[..., Any]] = {
    MeanPooling: _mean,
    MaxPooling: _max,
    GPO: _gpo,
}
_BACKWARD: dict[type[nn.Layer], Callable[..., Any]] = {
    MeanPooling: _mean_grad,
    MaxPooling: _max_grad,
    GPO: _gpo_grad,
}


class _Pooled(PyLayer):
    @staticmethod
    def forward(ctx: Any, states: paddle.Tensor, *rest: Any) -> paddle.Tensor:
        *table, packing, kind = rest
        result, kept = _FORWARD[kind](array_of(states), packing, *map(array_of, table))
        ctx.saved = kept, packing, kind
        return tensor_of(packing.unsort(result))

    @staticmethod
    def backward(ctx: Any, grad: paddle.Tensor) -> tuple[paddle.Tensor, ...]:
        kept, packing, kind = ctx.saved
        ctx.saved = None
        grads = _BACKWARD[kind](array_of(grad)[packing.order], kept, packing)
        return tuple(map(tensor_of, grads))


def packed_pooling(pooling: nn.Layer, states: paddle.Tensor, packing: StepPacking) -> paddle.Tensor:
    """What a layer of ``vsepp.models.pooling`` gives for packed captions, on the CPU.

    Args:
        pooling: ``MeanPooling``, ``MaxPooling`` or ``GPO``.
        states: float32 tensor ``[words, size]``, packed as ``packing`` says.
        packing: of the captions' lengths.

    Returns:
        float32 tensor ``[batch, size]``, in the captions' own order.
    """
    table: Sequence[paddle.Tensor] = ()
    if isinstance(pooling, GPO):
        table = (pooling.table(np.unique(packing.lengths)),)
    return _Pooled.apply(states, *table, packing, type(pooling))
