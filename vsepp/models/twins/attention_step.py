"""Bahdanau's comparison of a state with the cells of an image, and its way back, in NumPy.

A hyperbolic tangent is 1 − 2 / (1 + exp(2 x)), and the exponential of a key and a query's sum the
product of theirs. So there is one exponential for each key and for each query, and none for the
many sums, of which nothing is kept either: the way back makes them again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import numpy as np

_BLOCK = 1 << 17  # numbers that are compared at a time: half a MiB, which stays in the cache
_FAR = 40  # beyond this, as exponents, products could leave the range of a float32


class Comparison:
    """Scores of cells: ``v · tanh(keys + query)``.

    Args:
        keys: float32 ``[images, cells, size]``.
        weight: ``v``, float32 ``[size]``.
    """

    def __init__(self, keys: np.ndarray, weight: np.ndarray) -> None:
        self.weight = np.ascontiguousarray(weight)
        self._doubled = keys * np.float32(2)
        self._powers: Any = np.exp(self._doubled) if _is_near(self._doubled) else None
        cells, size = keys.shape[1:]
        self._rows = max(1, _BLOCK // max(1, cells * size))
        self._shape = (self._rows, cells, size)

    def _shares(
        self, images: np.ndarray, queries: np.ndarray
    ) -> Iterator[tuple[slice, np.ndarray]]:
        """A few rows, and (1 − tanh) / 2 of each with the cells of its image ``[rows, cells,
        size]``, which may be written to, and which the next ones overwrite."""
        doubled = queries * np.float32(2)
        keys, both = self._doubled, cast(np.ufunc, np.add)
        near = self._powers is not None and _is_near(doubled)
        if near:
            np.exp(doubled, out=doubled)
            keys, both = self._powers, np.multiply
        buffer = np.empty(self._shape, np.float32)
        for start in range(0, len(images), self._rows):
            rows = slice(start, min(start + self._rows, len(images)))
            shares = buffer[: rows.stop - start]
            for share, image, query in zip(shares, images[rows].tolist(), doubled[rows]):
                both(keys[image], query, out=share)
            if not near:
                np.minimum(shares, 2 * _FAR, out=shares)
                np.exp(shares, out=shares)
            shares += 1
            np.reciprocal(shares, out=shares)
            yield rows, shares

    def scores(self, images: np.ndarray, queries: np.ndarray, out: np.ndarray) -> None:
        """Of each row the scores of its image's cells.

        Args:
            images: int64 ``[rows]``.
            queries: float32 ``[rows, size]``.
            out: ``[rows, cells]``, filled.
        """
        weight, whole = self.weight * np.float32(-2), self.weight.sum()
        for rows, shares in self._shares(images, queries):
            np.dot(shares, weight, out=out[rows])
        out += whole

    def begin_backward(self) -> None:
        """Set the sums of :meth:`backward` to 0."""
        self._keys_grad = np.zeros_like(self._doubled)
        self._weight_grad = np.zeros_like(self.weight)

    def backward(
        self, images: np.ndarray, queries: np.ndarray, grad: np.ndarray, out: np.ndarray
    ) -> None:
        """Gradients of the queries from those of some rows' scores, and a part of the others.

        Args:
            images, queries: as :meth:`scores` took them.
            grad: float32 ``[rows, cells]``; each row sums to 0, as behind a softmax.
            out: ``[rows, size]``, filled.
        """
        size = len(self.weight)
        squares = np.empty(self._shape, np.float32)
        for rows, shares in self._shares(images, queries):
            slopes = np.ascontiguousarray(grad[rows])
            self._weight_grad += slopes.reshape(-1) @ shares.reshape(-1, size)
            # the slope of the tanh is 4 (s − s²)
            square = np.multiply(shares, shares, out=squares[: len(shares)])
            shares -= square
            shares *= slopes[:, :, None]
            out[rows] = shares.sum(axis=1)
            for image, share in zip(images[rows].tolist(), shares):
                self._keys_grad[image] += share
        out *= 4 * self.weight

    def end_backward(self) -> tuple[np.ndarray, np.ndarray]:
        """Gradients of the keys and of the weight, from all that :meth:`backward` was given."""
        self._keys_grad *= 4 * self.weight
        return self._keys_grad, self._weight_grad * np.float32(-2)


def _is_near(exponents: np.ndarray) -> bool:
    return bool(-_FAR <= exponents.min() and exponents.max() <= _FAR)
