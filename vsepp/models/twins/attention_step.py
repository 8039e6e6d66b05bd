"""Bahdanau's comparison of a state with the cells of an image, and its way back, in NumPy."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

_BLOCK = 1 << 17  # numbers that are compared at a time: half a MiB, which stays in the cache


class Comparison:
    """Scores of cells: ``v · tanh(keys + query)``.

    Args:
        keys: float32 ``[images, cells, size]``.
        weight: ``v``, float32 ``[size]``.

    Attributes:
        weight_grad: what :meth:`backward` has summed up so far for ``weight``.
    """

    def __init__(self, keys: np.ndarray, weight: np.ndarray) -> None:
        self.keys, self.weight = keys, np.ascontiguousarray(weight)
        cells, size = keys.shape[1:]
        self._rows = max(1, _BLOCK // (cells * size))
        self._compared = np.empty((self._rows, cells, size), np.float32)
        self._sums: tuple[np.ndarray, np.ndarray] | None = None
        self.weight_grad = np.zeros_like(self.weight)

    def _compare(
        self, images: np.ndarray, queries: np.ndarray
    ) -> Iterator[tuple[slice, np.ndarray]]:
        """A few rows, and the tanh of each with the cells of its image ``[rows, cells, size]``,
        which the next ones overwrite."""
        for start in range(0, len(images), self._rows):
            rows = slice(start, min(start + self._rows, len(images)))
            compared = self._compared[: rows.stop - start]
            for into, image, query in zip(compared, images[rows].tolist(), queries[rows]):
                np.add(self.keys[image], query, out=into)
            np.tanh(compared, out=compared)
            yield rows, compared

    def scores(self, images: np.ndarray, queries: np.ndarray, out: np.ndarray) -> None:
        """Of each row the scores of its image's cells.

        Args:
            images: int64 ``[rows]``.
            queries: float32 ``[rows, size]``.
            out: ``[rows, cells]``, filled.
        """
        for rows, compared in self._compare(images, queries):
            np.dot(compared, self.weight, out=out[rows])

    def backward(
        self, images: np.ndarray, queries: np.ndarray, grad: np.ndarray, out: np.ndarray
    ) -> None:
        """Gradients of some rows' scores ``[rows, cells]``, each row of which sums to 0, as behind
        a softmax.

        Args:
            images, queries: as :meth:`scores` took them.
            grad: float32 ``[rows, cells]``.
            out: ``[rows, size]``, filled with the gradient of the queries.
        """
        if self._sums is None:
            self._sums = np.zeros_like(self.keys), np.zeros(self.keys.shape[:2], np.float32)
        squares, sums = self._sums
        size = len(self.weight)
        for rows, compared in self._compare(images, queries):
            slopes = np.ascontiguousarray(grad[rows])
            self.weight_grad += slopes.reshape(-1) @ compared.reshape(-1, size)
            # Σ grad (1 − tanh²) over cells is −Σ grad tanh², as grad sums to 0
            np.multiply(compared, compared, out=compared)
            compared *= slopes[:, :, None]
            out[rows] = compared.sum(axis=1)
            for image, square, slope in zip(images[rows].tolist(), compared, slopes):
                squares[image] += square
                sums[image] += slope
        out *= -self.weight

    @property
    def keys_grad(self) -> np.ndarray:
        """Of the keys, from all that :meth:`backward` was given; asked for once, at the end."""
        assert self._sums is not None  # nosec B101
        squares, sums = self._sums
        np.subtract(sums[:, :, None], squares, out=squares)
        squares *= self.weight
        return squares
