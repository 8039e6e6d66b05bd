"""LayerNorm over rows in NumPy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def normalize(
    rows: np.ndarray,
    parameters: Sequence[np.ndarray],
    eps: float,
    normal: np.ndarray,
    scale: np.ndarray,
    out: np.ndarray,
) -> None:
    """Rows ``[words, size]`` with mean 0 and variance 1, times a weight and plus a bias.

    Args:
        parameters: (weight ``[size]``, bias ``[size]``).
        normal: ``[words, size]``, filled with what has mean 0 and variance 1.
        scale: ``[words, 1]``, filled with 1 / √(variance + eps).
        out: ``[words, size]``, filled; may be ``rows``.
    """
    size = rows.shape[1]
    np.subtract(rows, rows.mean(1, keepdims=True), out=normal)
    np.einsum("ij,ij->i", normal, normal, out=scale[:, 0])
    scale /= size
    scale += eps
    np.sqrt(scale, out=scale)
    np.reciprocal(scale, out=scale)
    normal *= scale
    weight, bias = parameters
    np.multiply(normal, weight, out=out)
    out += bias


def normalize_backward(
    grad: np.ndarray, weight: np.ndarray, normal: np.ndarray, scale: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Overwrite the gradient of what :func:`normalize` gave by that of what it took.

    Args:
        normal, scale: as it filled them; ``normal`` is overwritten.

    Returns:
        gradients of (weight, bias)
    """
    size = grad.shape[1]
    weight_grad = np.einsum("ij,ij->j", grad, normal)
    bias_grad = grad.sum(0)
    grad *= weight
    shared = np.einsum("ij,ij->i", grad, normal)[:, None] / size
    normal *= shared
    grad -= grad.mean(1, keepdims=True)
    grad -= normal
    grad *= scale
    return weight_grad, bias_grad
