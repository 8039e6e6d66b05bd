"""A GRU over packed captions for the CPU: the parameters of ``nn.GRU``, a fraction of its time.

Captions are sorted by length, longest first, and laid out step by step, so that step ``t``
is one product over just the captions that have a word there; no padding is computed. The
input gates of all steps are one product before the recurrence, the weights' gradients two
products after it. The recurrence is written in NumPy, in place, inside a ``PyLayer``.

Equations (those of ``paddle.nn.GRU`` and ``torch.nn.GRU``; gate order reset, update, new)::

    r = σ(W_ir x + b_ir + W_hr h + b_hr)        n = tanh(W_in x + b_in + r (W_hn h + b_hn))
    z = σ(W_iz x + b_iz + W_hz h + b_hz)        h' = (1 − z) n + z h
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Tuple

import numpy as np
import paddle
from paddle.autograd import PyLayer

from vsepp.models.twins.packing import Packing
from vsepp.models.twins.sharing import array_of, tensor_of

if TYPE_CHECKING:
    from vsepp.models.text_encoders.gru import TextRepExtractor

# of each word: its gates, W_hn h + b_hn, its state
_Kept = Tuple[np.ndarray, np.ndarray, np.ndarray]


def _sigmoid(values: np.ndarray, out: np.ndarray) -> None:
    """σ(x) = (1 + tanh(x / 2)) / 2, in place: one vectorised transcendental, no overflow."""
    np.multiply(values, 0.5, out=out)
    np.tanh(out, out=out)
    out += 1
    out *= 0.5


def forward(
    inputs: np.ndarray, weights: Sequence[np.ndarray], packing: Packing, keep: bool
) -> tuple[np.ndarray, np.ndarray, _Kept | None]:
    """The recurrence.

    Args:
        inputs: float32 ``[words, input_size]``, packed.
        weights: ``(weight_ih [3H, input_size], weight_hh [3H, H], bias_ih [3H], bias_hh [3H])``.
        keep: keep what ``backward`` needs.

    Returns:
        (all states ``[words, H]``, last state of each caption ``[batch, H]`` in falling order
        of length, what ``backward`` needs or None)
    """
    weight_ih, weight_hh, bias_ih, bias_hh = weights
    size = weight_hh.shape[1]
    bias = bias_ih.copy()
    bias[: 2 * size] += bias_hh[: 2 * size]
    gates = inputs @ weight_ih.T
    gates += bias
    batch_sizes = packing.batch_sizes
    hidden = np.zeros((batch_sizes[0], size), np.float32)
    states = np.empty((len(inputs), size), np.float32)
    candidates = np.empty_like(states) if keep else None  # W_hn h + b_hn of each word
    products = np.empty((batch_sizes[0], 3 * size), np.float32)
    start = 0
    for count in batch_sizes:
        rows = slice(start, start + count)
        product = np.matmul(hidden[:count], weight_hh.T, out=products[:count])
        gate = gates[rows]
        reset_update = gate[:, : 2 * size]
        reset_update += product[:, : 2 * size]
        _sigmoid(reset_update, reset_update)
        candidate = product[:, 2 * size :]
        candidate += bias_hh[2 * size :]
        if candidates is not None:
            candidates[rows] = candidate
        candidate *= gate[:, :size]
        new = gate[:, 2 * size :]
        new += candidate
        np.tanh(new, out=new)
        state = states[rows]
        np.subtract(hidden[:count], new, out=state)
        state *= gate[:, size : 2 * size]
        state += new
        hidden[:count] = state
        start += count
    return states, hidden, None if candidates is None else (gates, candidates, states)


def backward(
    inputs: np.ndarray,
    weights: Sequence[np.ndarray],
    packing: Packing,
    kept: _Kept,
    states_grad: np.ndarray | None,
    last_grad: np.ndarray | None,
) -> tuple[np.ndarray, ...]:
    """Gradients of ``forward``; ``kept`` is overwritten.

    Args:
        states_grad: gradient of all states ``[words, H]``, or None.
        last_grad: gradient of the last states ``[batch, H]`` in falling order, or None.

    Returns:
        gradients of (inputs, weight_ih, weight_hh, bias_ih, bias_hh)
    """
    weight_ih, weight_hh, _, _ = weights
    gates, candidates, states = kept
    size = weight_hh.shape[1]
    batch_sizes = packing.batch_sizes
    first = batch_sizes[0]
    carried = np.zeros((first, size), np.float32) if last_grad is None else last_grad.copy()
    recurrent_grads = np.empty_like(gates)  # gradient of W_hh h + b_hh of each word
    scratch = np.empty((first, size), np.float32)
    end = len(gates)
    for step in range(len(batch_sizes) - 1, -1, -1):
        count = batch_sizes[step]
        start = end - count
        rows = slice(start, end)
        gate, grad, scrap = gates[rows], carried[:count], scratch[:count]
        reset, update, new = gate[:, :size], gate[:, size : 2 * size], gate[:, 2 * size :]
        if states_grad is not None:
            grad += states_grad[rows]
        recurrent = recurrent_grads[rows]
        # update gate: dh (h_before − n) z (1 − z)
        update_grad = recurrent[:, size : 2 * size]
        if step:
            previous = start - batch_sizes[step - 1]
            np.subtract(states[previous : previous + count], new, out=update_grad)
        else:
            np.negative(new, out=update_grad)
        update_grad *= grad
        update_grad *= update
        np.subtract(1, update, out=scrap)
        update_grad *= scrap
        # new gate: dh (1 − z) (1 − n²)
        scrap *= grad
        grad *= update
        np.multiply(new, new, out=new)
        np.subtract(1, new, out=new)
        new *= scrap
        # reset gate: dn (W_hn h + b_hn) r (1 − r)
        reset_grad = recurrent[:, :size]
        np.subtract(1, reset, out=reset_grad)
        reset_grad *= reset
        reset_grad *= new
        reset_grad *= candidates[rows]
        np.multiply(new, reset, out=recurrent[:, 2 * size :])
        # the gates' own rows now hold the gradient of the input product
        gate[:, : 2 * size] = recurrent[:, : 2 * size]
        if step:
            np.matmul(recurrent, weight_hh, out=scrap)
            grad += scrap
        end = start
    previous_rows = (
        np.concatenate(
            [
                np.arange(count) + offset
                for count, offset in zip(batch_sizes[1:], np.cumsum([0, *batch_sizes[:-2]]))
            ]
        )
        if len(batch_sizes) > 1
        else np.empty(0, np.int64)
    )
    later = recurrent_grads[first:]
    weight_hh_grad = later.T @ states[previous_rows]
    return (
        gates @ weight_ih,
        gates.T @ inputs,
        weight_hh_grad,
        gates.sum(0),
        recurrent_grads.sum(0),
    )


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
    inputs: np.ndarray, weights: Sequence[np.ndarray], packing: Packing, wanted: str, keep: bool
) -> tuple[np.ndarray, list[_Kept | None]]:
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
    packing: Packing,
    kept: Sequence[_Kept],
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

    def grads(inputs: np.ndarray, weights: Any, kept: _Kept, grad: np.ndarray) -> tuple:
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
    gru: paddle.nn.GRU, inputs: paddle.Tensor, packing: Packing, wanted: str = LAST
) -> paddle.Tensor:
    """What the top layer of ``gru`` gives for packed captions, on the CPU.

    Args:
        gru: ``paddle.nn.GRU`` in one or both directions, whose parameters are used.
        inputs: float32 tensor ``[words, input_size]``, packed as ``packing`` says.
        packing: :class:`Packing` of the captions' lengths.
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
    packing = Packing(cap_lens.numpy().reshape(-1))
    words = paddle.to_tensor(packing.packed(captions.numpy()))
    return layer.code_of(packed_gru(layer.gru, layer.embedding(words), packing))
