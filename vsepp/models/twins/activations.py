"""Activations and their slopes in NumPy, in place, a few thousand numbers at a time.

Each is a dozen passes over its numbers; over so few, they do not leave the processor's cache.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

_BLOCK = 16384  # numbers: 64 KiB, of which five lie in a core's cache at a time

# of Φ(−a) exp(a² / 2) in t = 1 / (1 + p a): Abramowitz and Stegun 7.1.26, to 7.5e-8
_P = 0.3275911 / 2**0.5
_COEFFICIENTS = [0.5 * c for c in (1.061405429, -1.453152027, 1.421413741, -0.284496736)]
_LAST = 0.5 * 0.254829592
_DENSITY = (2 * np.pi) ** -0.5

# values → overwritten by the activation; slope → filled, unless None; two scratch arrays
_InPlace = Callable[[np.ndarray, "np.ndarray | None", np.ndarray, np.ndarray], None]


def _gelu(values: np.ndarray, slope: np.ndarray | None, size: np.ndarray, tail: np.ndarray) -> None:
    """x Φ(x) = max(x, 0) − |x| Φ(−|x|), which loses nothing where Φ is small."""
    density = np.empty_like(values) if slope is None else slope
    np.abs(values, out=size)
    np.multiply(values, values, out=density)
    density *= -0.5
    np.exp(density, out=density)
    inverse = np.multiply(size, _P)
    inverse += 1
    np.reciprocal(inverse, out=inverse)
    np.multiply(inverse, _COEFFICIENTS[0], out=tail)
    for coefficient in _COEFFICIENTS[1:]:
        tail += coefficient
        tail *= inverse
    tail += _LAST
    tail *= inverse
    tail *= density
    if slope is not None:  # Φ(x) + x φ(x), by what it is at −|x|
        slope *= size
        slope *= _DENSITY
        slope -= tail
        slope += 0.5
        np.copysign(slope, values, out=slope)
        slope += 0.5
    size *= tail
    np.maximum(values, 0, out=values)
    values -= size


def _tanh_gelu(
    values: np.ndarray, slope: np.ndarray | None, tanh: np.ndarray, half: np.ndarray
) -> None:
    """x (1 + tanh(c (x + 0.044715 x³))) / 2 with c = √(2 / π)."""
    factor = (2 / np.pi) ** 0.5
    square = np.multiply(values, values)
    np.multiply(square, 0.044715 * factor, out=tanh)
    tanh += factor
    tanh *= values
    np.tanh(tanh, out=tanh)
    np.multiply(values, 0.5, out=half)
    if slope is not None:
        square *= 3 * 0.044715 * factor
        square += factor
        np.multiply(tanh, tanh, out=slope)
        np.subtract(1, slope, out=slope)
        slope *= square
        slope *= half
        np.multiply(tanh, 0.5, out=values)
        slope += values
        slope += 0.5
    tanh += 1
    np.multiply(tanh, half, out=values)


def _quick_gelu(
    values: np.ndarray, slope: np.ndarray | None, sigmoid: np.ndarray, scratch: np.ndarray
) -> None:
    """x σ(1.702 x)."""
    np.multiply(values, 0.5 * 1.702, out=sigmoid)
    np.tanh(sigmoid, out=sigmoid)
    sigmoid += 1
    sigmoid *= 0.5
    values *= sigmoid
    if slope is not None:
        np.subtract(1, sigmoid, out=slope)
        np.multiply(values, 1.702, out=scratch)
        slope *= scratch
        slope += sigmoid


def _relu(values: np.ndarray, slope: np.ndarray | None, *_: np.ndarray) -> None:
    if slope is not None:
        np.greater(values, 0, out=slope)
    np.maximum(values, 0, out=values)


_IN_PLACE: dict[str, _InPlace] = {
    "gelu": _gelu,
    "gelu_new": _tanh_gelu,
    "gelu_pytorch_tanh": _tanh_gelu,
    "quick_gelu": _quick_gelu,
    "relu": _relu,
}


def activate(name: str, values: np.ndarray, slope: np.ndarray | None) -> None:
    """Overwrite values by their activation.

    Args:
        name: one of ``vsepp.models.transformer.ACTIVATIONS``.
        values: contiguous float32 array.
        slope: the same shape; filled with the derivative at each value. None leaves it out.
    """
    in_place = _IN_PLACE[name]
    values = values.reshape(-1)
    slope = None if slope is None else slope.reshape(-1)
    scratch = np.empty((2, _BLOCK), np.float32)
    for start in range(0, len(values), _BLOCK):
        block = values[start : start + _BLOCK]
        slope_block = None if slope is None else slope[start : start + _BLOCK]
        in_place(block, slope_block, scratch[0, : len(block)], scratch[1, : len(block)])
