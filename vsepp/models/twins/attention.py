"""Attention among the words of sentences of one length, in NumPy, all heads at once."""

from __future__ import annotations

import numpy as np

from vsepp.models.transformer import NOT_SEEN
from vsepp.models.twins.length_packing import Group


def _heads(rows: np.ndarray, group: Group, heads: int) -> np.ndarray:
    """A view: ``[words, size]`` of a group → ``[count, heads, length, size / heads]``."""
    return rows.reshape(group.count, group.length, heads, -1).transpose(0, 2, 1, 3)


def _pairs(flat: np.ndarray, group: Group, heads: int) -> np.ndarray:
    """A view of ``[pairs · heads]``, all pairs: ``[count, heads, length, length]`` of a group."""
    place = slice(group.pairs.start * heads, group.pairs.stop * heads)
    return flat[place].reshape(group.count, heads, group.length, group.length)


def attend(
    gates: np.ndarray,
    groups: list[Group],
    heads: int,
    causal: bool,
    dropped: np.ndarray | None,
    probabilities: np.ndarray,
    found: np.ndarray,
) -> None:
    """Softmax(query · key) · value within each sentence.

    Args:
        gates: float32 ``[words, 3 · size]``: queries (scaled already), keys, values.
        dropped: float32 ``[pairs · heads]`` that the probabilities are multiplied by, or None.
        probabilities: ``[pairs · heads]``, filled.
        found: ``[words, size]``, filled with what each word has found.
    """
    size = found.shape[1]
    for group in groups:
        rows = gates[group.rows]
        query, key, value = (
            _heads(rows[:, place * size : (place + 1) * size], group, heads) for place in range(3)
        )
        scores = _pairs(probabilities, group, heads)
        np.matmul(query, key.swapaxes(2, 3), out=scores)
        if causal:
            scores += np.triu(np.full(scores.shape[2:], NOT_SEEN, np.float32), 1)
        scores -= scores.max(-1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= np.einsum("...j->...", scores)[..., None]
        if dropped is not None:
            scores = scores * _pairs(dropped, group, heads)
        np.matmul(scores, value, out=_heads(found[group.rows], group, heads))


def attend_backward(
    gates: np.ndarray,
    groups: list[Group],
    heads: int,
    dropped: np.ndarray | None,
    probabilities: np.ndarray,
    found_grad: np.ndarray,
) -> None:
    """Overwrite ``gates`` by their gradient; arguments as :func:`attend` had and filled them.

    Args:
        found_grad: float32 ``[words, size]``, gradient of what each word has found.
    """
    size = found_grad.shape[1]
    for group in groups:
        rows = gates[group.rows]
        query, key, value = views = [
            _heads(rows[:, place * size : (place + 1) * size], group, heads) for place in range(3)
        ]
        grad = _heads(found_grad[group.rows], group, heads)
        seen = _pairs(probabilities, group, heads)
        scores_grad = np.matmul(grad, value.swapaxes(2, 3))
        used = seen
        if dropped is not None:
            kept = _pairs(dropped, group, heads)
            used = seen * kept
            scores_grad *= kept
        value_grad = np.matmul(used.swapaxes(2, 3), grad)
        scores_grad -= np.einsum("...j,...j->...", scores_grad, seen)[..., None]
        scores_grad *= seen
        grads = np.matmul(scores_grad, key), np.matmul(scores_grad.swapaxes(2, 3), query)
        for view, values in zip(views, (*grads, value_grad)):
            view[...] = values
