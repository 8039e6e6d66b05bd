"""A GRU over packed captions for the CPU: the parameters of ``nn.GRU``, a fraction of its time.

A layer in one direction or in both is one ``PyLayer`` around the recurrence in NumPy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import paddle
from paddle.autograd import PyLayer

from vsepp.models.twins.recurrence import Kept, backward, forward
from vsepp.models.twins.sharing import array_of, tensor_of
from vsepp.models.twins.step_packing import StepPacking

if TYPE_CHECKING:
    from vsepp.models.text_encoders.gru import TextRepExtractor

# What a layer gives: each caption's last state; the states of its words, the two directions
# averaged; or those of both directions side by side, as the next layer takes them.
LAST, WORDS, SIDE_BY_SIDE = "last", "words", "side by side"


class _PackedGRULayer(PyLayer):
    """One layer in one direction, or in both: packed inputs → what is asked for.

    The way back reads the captions' words in turned order, in the same packed layout.
    """

    @staticmethod
    def forward(ctx: Any, inputs: paddle.Tensor, *rest: Any) -> paddle.Tensor:
        *weights, packing, wanted = rest
        arrays = [array_of(tensor) for tensor in (inputs, *weights)]
        result, kept = _layer(arrays[0], arrays[1:], packing, wanted, keep=True)
        ctx.saved = arrays, packing, kept, wanted
        return tensor_of(result)

    @staticmethod
    def backward(ctx: Any, grad: paddle.Tensor) -> tuple[paddle.Tensor, ...]:
        arrays, packing, kept, wanted = ctx.saved
        ctx.saved = None
        return tuple(map(tensor_of, _layer_grads(array_of(grad), arrays, packing, kept, wanted)))


def _layer(
    inputs: np.ndarray, weights: Sequence[np.ndarray], packing: StepPacking, wanted: str, keep: bool
) -> tuple[np.ndarray, list[Kept | None]]:
    """(what is asked for, what ``_layer_grads`` needs of each direction)"""
    states, hidden, kept = forward(inputs, weights[:4], packing, keep)
    if len(weights) == 4:
        if wanted == LAST:
            return packing.unsort(hidden), [kept]
        return (states.copy() if keep else states), [kept]
    back_states, back_hidden, back_kept = forward(
        inputs[packing.turned], weights[4:], packing, keep
    )
    if wanted == LAST:
        result = packing.unsort((hidden + back_hidden) * np.float32(0.5))
    elif wanted == WORDS:
        result = back_states[packing.turned]
        result += states
        result *= 0.5
    else:
        result = np.concatenate([states, back_states[packing.turned]], axis=1)
    return result, [kept, back_kept]


def _layer_grads(
    grad: np.ndarray,
    arrays: Sequence[np.ndarray],
    packing: StepPacking,
    kept: Sequence[Kept],
    wanted: str,
) -> tuple[np.ndarray, ...]:
    """Gradients of the inputs and of each weight."""
    inputs, weights = arrays[0], arrays[1:]
    last, both_ways = wanted == LAST, len(kept) == 2
    if last:
        grad = grad[packing.order]
    if both_ways and wanted == SIDE_BY_SIDE:
        ahead, back = np.split(grad, 2, axis=1)
    else:
        ahead = back = grad * np.float32(0.5) if both_ways else grad

    def grads(inputs: np.ndarray, weights: Any, kept: Kept, grad: np.ndarray) -> tuple:
        of_states, of_last = (None, grad) if last else (grad, None)
        return backward(inputs, weights, packing, kept, of_states, of_last)

    found = grads(inputs, weights[:4], kept[0], ahead)
    if not both_ways:
        return found
    turned = packing.turned
    found_back = grads(inputs[turned], weights[4:], kept[1], back if last else back[turned])
    inputs_grad = found[0] + found_back[0][turned]
    return (inputs_grad, *found[1:], *found_back[1:])


def layer_weights(gru: paddle.nn.GRU, layer: int) -> list[paddle.Tensor]:
    """The four parameters of one layer of an ``nn.GRU``, as :func:`forward` takes them.

    Of one that reads both ways, the four of the way back after them.
    """
    return [
        getattr(gru, f"{name}_l{layer}{way}")
        for way in ("", "_reverse")[: gru.num_directions]
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    ]


def packed_gru(
    gru: paddle.nn.GRU, inputs: paddle.Tensor, packing: StepPacking, wanted: str = LAST
) -> paddle.Tensor:
    """What the top layer of ``gru`` gives for packed captions, on the CPU.

    Args:
        gru: ``paddle.nn.GRU`` in one or both directions, whose parameters are used.
        inputs: float32 tensor ``[words, input_size]``, packed as ``packing`` says.
        packing: :class:`StepPacking` of the captions' lengths.
        wanted: ``LAST``, the state at each caption's last word, ``[batch, hidden_size]``, in the
            captions' own order; or ``WORDS``, that of each word, ``[words, hidden_size]``,
            packed. Of a GRU that reads both ways it is the average of the two directions; the
            last state of the way back is that at the first word.
    """
    for layer in range(gru.num_layers):
        top = layer == gru.num_layers - 1
        give = wanted if top else WORDS if gru.num_directions == 1 else SIDE_BY_SIDE
        weights = layer_weights(gru, layer)
        if paddle.is_grad_enabled():
            inputs = _PackedGRULayer.apply(inputs, *weights, packing, give)
        else:
            arrays = list(map(array_of, weights))
            inputs = tensor_of(_layer(array_of(inputs), arrays, packing, give, keep=False)[0])
    return inputs


def text_codes(
    layer: TextRepExtractor, captions: paddle.Tensor, cap_lens: paddle.Tensor
) -> paddle.Tensor:
    """What a ``TextRepExtractor`` gives for captions, without computing any padding.

    Args:
        layer: ``TextRepExtractor``.
        captions: int64 tensor ``[batch, time]``.
        cap_lens: int64 tensor ``[batch]``, each in ``1 … time``.
    """
    packing = StepPacking(cap_lens.numpy().reshape(-1))
    words = paddle.to_tensor(packing.packed(captions.numpy()))
    return layer.code_of(packed_gru(layer.gru, layer.embedding(words), packing))
