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

from vsepp.models.twins.sharing import array_of, tensor_of

if TYPE_CHECKING:
    from vsepp.models.text_encoders.gru import TextRepExtractor

# of each word: its gates, W_hn h + b_hn, its state
_Kept = Tuple[np.ndarray, np.ndarray, np.ndarray]


class Packing:
    """Where each word of a batch of captions stands in the packed layout.

    Args:
        lengths: int array ``[batch]``, each at least 1.

    Attributes:
        order: int64 ``[batch]``, captions by falling length (stable).
        batch_sizes: list of ints; ``batch_sizes[t]`` captions have a word at step ``t``.
        words: int64 ``[sum(lengths)]``, position in the flattened ``[batch, time]`` grid of
            every packed word, for a grid of ``time = max(lengths)`` columns.
    """

    def __init__(self, lengths: np.ndarray | Sequence[int]) -> None:
        lengths = np.asarray(lengths)
        self.order = np.argsort(-lengths, kind="stable")
        steps = np.arange(lengths.max())
        falling = lengths[self.order]
        self.batch_sizes = [int(size) for size in (falling[None, :] > steps[:, None]).sum(1)]
        self.words = np.concatenate(
            [self.order[:size] * len(steps) + step for step, size in enumerate(self.batch_sizes)]
        )

    def unsort(self, rows: np.ndarray) -> np.ndarray:
        """Rows ``[batch, …]`` in falling order of length, in the captions' own order again."""
        result = np.empty_like(rows)
        result[self.order] = rows
        return result


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


class _PackedGRULayer(PyLayer):
    """One layer: packed inputs → all states (packed) or last states (captions' order)."""

    @staticmethod
    def forward(
        ctx: Any,
        inputs: paddle.Tensor,
        weight_ih: paddle.Tensor,
        weight_hh: paddle.Tensor,
        bias_ih: paddle.Tensor,
        bias_hh: paddle.Tensor,
        packing: Packing,
        last: bool,
    ) -> paddle.Tensor:
        arrays = [array_of(tensor) for tensor in (inputs, weight_ih, weight_hh, bias_ih, bias_hh)]
        states, hidden, kept = forward(arrays[0], arrays[1:], packing, keep=True)
        ctx.saved = arrays, packing, kept, last
        return tensor_of(packing.unsort(hidden) if last else states.copy())

    @staticmethod
    def backward(ctx: Any, grad: paddle.Tensor) -> tuple[paddle.Tensor, ...]:
        arrays, packing, kept, last = ctx.saved
        ctx.saved = None
        grad = grad.numpy()
        grads = backward(
            arrays[0],
            arrays[1:],
            packing,
            kept,
            None if last else grad,
            grad[packing.order] if last else None,
        )
        return tuple(map(tensor_of, grads))


def layer_weights(gru: paddle.nn.GRU, layer: int) -> list[paddle.Tensor]:
    """The four parameters of one layer of an ``nn.GRU``, as :func:`forward` takes them."""
    return [
        getattr(gru, f"{name}_l{layer}")
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    ]


def packed_gru(gru: paddle.nn.GRU, inputs: paddle.Tensor, packing: Packing) -> paddle.Tensor:
    """Last states of ``gru`` over packed captions, on the CPU.

    Args:
        gru: unidirectional ``paddle.nn.GRU`` whose parameters are used.
        inputs: float32 tensor ``[words, input_size]``, packed as ``packing`` says.
        packing: :class:`Packing` of the captions' lengths.

    Returns:
        float32 tensor ``[batch, hidden_size]``: the top layer's state at each caption's last
        word, in the captions' own order.
    """
    for layer in range(gru.num_layers):
        last = layer == gru.num_layers - 1
        weights = layer_weights(gru, layer)
        if paddle.is_grad_enabled():
            inputs = _PackedGRULayer.apply(inputs, *weights, packing, last)
        else:
            arrays = list(map(array_of, weights))
            states, hidden, _ = forward(array_of(inputs), arrays, packing, keep=False)
            inputs = tensor_of(packing.unsort(hidden) if last else states)
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
    grid = captions.numpy()[:, : len(packing.batch_sizes)]
    words = paddle.to_tensor(grid.reshape(-1)[packing.words])
    return layer.code_of(packed_gru(layer.gru, layer.embedding(words), packing))
