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


def advance(
    gate: np.ndarray,
    product: np.ndarray,
    before: np.ndarray,
    bias_hh: np.ndarray,
    candidate: np.ndarray | None,
    state: np.ndarray,
) -> None:
    """One step of the rows ``[n, …]`` that have a word there.

    Args:
        gate: ``[n, 3H]``, the product of the inputs with its bias, those of the reset and the
            update gate with both biases; overwritten by the gates.
        product: ``[n, 3H]``, ``W_hh h``; overwritten.
        before: ``[n, H]``, the states before.
        candidate: ``[n, H]``, filled with ``W_hn h + b_hn``, or None.
        state: ``[n, H]``, filled with the states after.
    """
    size = state.shape[1]
    reset_update = gate[:, : 2 * size]
    reset_update += product[:, : 2 * size]
    _sigmoid(reset_update, reset_update)
    inner = product[:, 2 * size :]
    inner += bias_hh[2 * size :]
    if candidate is not None:
        candidate[...] = inner
    inner *= gate[:, :size]
    new = gate[:, 2 * size :]
    new += inner
    np.tanh(new, out=new)
    np.subtract(before, new, out=state)
    state *= gate[:, size : 2 * size]
    state += new


def retreat(
    gate: np.ndarray,
    grad: np.ndarray,
    before: np.ndarray | None,
    candidate: np.ndarray,
    recurrent: np.ndarray,
    scrap: np.ndarray,
) -> None:
    """The gradients of one step.

    Args:
        gate: ``[n, 3H]``, the gates; overwritten by the gradient of the inputs' product.
        grad: ``[n, H]``, of the states after; overwritten by what of it goes straight to the
            states before, without what goes through ``W_hh``.
        before: ``[n, H]``, the states before; None where they are zero.
        candidate: as :func:`advance` filled it.
        recurrent: ``[n, 3H]``, filled with the gradient of ``W_hh h + b_hh``.
        scrap: ``[n, H]``, overwritten.
    """
    size = grad.shape[1]
    reset, update, new = gate[:, :size], gate[:, size : 2 * size], gate[:, 2 * size :]
    # update gate: dh (h_before − n) z (1 − z)
    update_grad = recurrent[:, size : 2 * size]
    if before is None:
        np.negative(new, out=update_grad)
    else:
        np.subtract(before, new, out=update_grad)
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
    reset_grad *= candidate
    np.multiply(new, reset, out=recurrent[:, 2 * size : 3 * size])
    # the gates' own rows now hold the gradient of the input product
    gate[:, : 2 * size] = recurrent[:, : 2 * size]


def forward(
    inputs: np.ndarray,
    weights: Sequence[np.ndarray],
    packing: StepPacking,
    keep: bool,
    initial: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, Kept | None]:
    """The recurrence.

    Args:
        inputs: float32 ``[words, input_size]``, packed.
        weights: ``(weight_ih [3H, input_size], weight_hh [3H, H], bias_ih [3H], bias_hh [3H])``.
        keep: keep what ``backward`` needs.
        initial: states before the first words ``[batch, H]`` in falling order of length; None
            for zero.

    Returns:
        (all states ``[words, H]``, last state of each caption ``[batch, H]`` in falling order
        of length, what ``backward`` needs or None)
    """
    weight_ih, weight_hh, _, bias_hh = weights
    size = weight_hh.shape[1]
    gates = inputs @ weight_ih.T
    gates += input_bias(weights)
    batch_sizes = packing.batch_sizes
    hidden = np.zeros((batch_sizes[0], size), np.float32) if initial is None else initial.copy()
    states = np.empty((len(inputs), size), np.float32)
    candidates = np.empty_like(states) if keep else None  # W_hn h + b_hn of each word
    products = np.empty((batch_sizes[0], 3 * size), np.float32)
    for rows in packing.steps:
        count = rows.stop - rows.start
        product = np.matmul(hidden[:count], weight_hh.T, out=products[:count])
        candidate = None if candidates is None else candidates[rows]
        advance(gates[rows], product, hidden[:count], bias_hh, candidate, states[rows])
        hidden[:count] = states[rows]
    return states, hidden, None if candidates is None else (gates, candidates, states)


def input_bias(weights: Sequence[np.ndarray]) -> np.ndarray:
    """What is added to the inputs' product before the recurrence ``[3H]``."""
    _, weight_hh, bias_ih, bias_hh = weights
    both = 2 * weight_hh.shape[1]
    bias = bias_ih.copy()
    bias[:both] += bias_hh[:both]
    return bias


def backward(
    inputs: np.ndarray,
    weights: Sequence[np.ndarray],
    packing: StepPacking,
    kept: Kept,
    states_grad: np.ndarray | None,
    last_grad: np.ndarray | None,
    initial: np.ndarray | None = None,
) -> tuple[np.ndarray, ...]:
    """Gradients of ``forward``; ``kept`` is overwritten.

    Args:
        states_grad: gradient of all states ``[words, H]``, or None.
        last_grad: gradient of the last states ``[batch, H]`` in falling order, or None.
        initial: as ``forward`` took it.

    Returns:
        gradients of (inputs, weight_ih, weight_hh, bias_ih, bias_hh), and of ``initial`` where
        there is one
    """
    weight_ih, weight_hh, _, _ = weights
    gates, candidates, states = kept
    size = weight_hh.shape[1]
    first = packing.batch_sizes[0]
    carried = np.zeros((first, size), np.float32) if last_grad is None else last_grad.copy()
    recurrent_grads = np.empty_like(gates)  # gradient of W_hh h + b_hh of each word
    scratch = np.empty((first, size), np.float32)
    for step in range(len(packing.steps) - 1, -1, -1):
        rows = packing.steps[step]
        count = rows.stop - rows.start
        grad, scrap, recurrent = carried[:count], scratch[:count], recurrent_grads[rows]
        if states_grad is not None:
            grad += states_grad[rows]
        before = states[packing.rows_before(step)] if step else initial
        retreat(gates[rows], grad, before, candidates[rows], recurrent, scrap)
        if before is not None:
            np.matmul(recurrent, weight_hh, out=scrap)
            grad += scrap
    weight_hh_grad = recurrent_grads[first:].T @ states[packing.before]
    grads = (
        gates @ weight_ih,
        gates.T @ inputs,
        weight_hh_grad,
        gates.sum(0),
        recurrent_grads.sum(0),
    )
    if initial is None:
        return grads
    weight_hh_grad += recurrent_grads[:first].T @ initial
    return (*grads, carried)
