"""The recurrence of a GRU over packed captions, forwards and backwards through time, in NumPy.

Step ``t`` is one product over just the captions that have a word there; no padding is computed.
The input gates of all steps are one product before the recurrence, the weights' gradients two
products after it.

Equations (those of ``paddle.nn.GRU`` and ``torch.nn.GRU``; gate order reset, update, new)::

    r = σ(W_ir x + b_ir + W_hr h + b_hr)        n = tanh(W_in x + b_in + r (W_hn h + b_hn))
    z = σ(W_iz x + b_iz + W_hz h + b_hz)        h' = (1 − z) n + z h
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Tuple

import numpy as np

from vsepp.models.twins.step_packing import StepPacking

# of each word: its gates, W_hn h + b_hn, its state
Kept = Tuple[np.ndarray, np.ndarray, np.ndarray]


def _sigmoid(values: np.ndarray, out: np.ndarray) -> None:
    """σ(x) = (1 + tanh(x / 2)) / 2, in place: one vectorised transcendental, no overflow."""
    np.multiply(values, 0.5, out=out)
    np.tanh(out, out=out)
    out += 1
    out *= 0.5


def forward(
    inputs: np.ndarray, weights: Sequence[np.ndarray], packing: StepPacking, keep: bool
) -> tuple[np.ndarray, np.ndarray, Kept | None]:
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
    packing: StepPacking,
    kept: Kept,
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
