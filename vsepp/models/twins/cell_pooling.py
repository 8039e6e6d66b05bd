"""The poolings over the cells of a grid, and their gradients, in NumPy.

Values lie as ``[size, cells of all images]``, as the products before them give them fastest: an
image's cells stand side by side, so that each row of its block is sorted where it lies.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vsepp.models.twins.sharing import empty

MOST_CELLS = 1 << 16  # what a key of Ranked has room for


class CellPooling:
    """Values of cells → values of images.

    Args:
        spans: the columns of each image.
    """

    def __init__(self, spans: Sequence[slice]) -> None:
        self.spans = spans

    def forward(self, values: np.ndarray, keep: bool) -> np.ndarray:
        """float32 ``[size, cells]`` → float32 ``[images, size]``.

        Args:
            keep: keep what :meth:`backward` needs.
        """
        raise NotImplementedError

    def backward(self, grad: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Gradients of the values and of a table of weights, None where there is none, from
        that of the images' values."""
        raise NotImplementedError

    def _columns(self) -> int:
        return self.spans[-1].stop


class Average(CellPooling):
    """The mean."""

    def forward(self, values: np.ndarray, keep: bool) -> np.ndarray:
        pooled = empty((len(self.spans), len(values)))
        for image, span in enumerate(self.spans):
            values[:, span].mean(axis=1, out=pooled[image])
        return pooled

    def backward(self, grad: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        grads = empty((grad.shape[1], self._columns()))
        for image, span in enumerate(self.spans):
            grads[:, span] = (grad[image] / (span.stop - span.start))[:, None]
        return grads, None


class Largest(CellPooling):
    """The largest of each number."""

    def forward(self, values: np.ndarray, keep: bool) -> np.ndarray:
        pooled = empty((len(self.spans), len(values)))
        self.places = []
        rows = np.arange(len(values))
        for image, span in enumerate(self.spans):
            place = values[:, span].argmax(axis=1) + span.start
            pooled[image] = values[rows, place]
            if keep:
                self.places.append(place)
        return pooled

    def backward(self, grad: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        grads = np.zeros((grad.shape[1], self._columns()), np.float32)
        rows = np.arange(len(grads))
        for image, place in enumerate(self.places):
            grads[rows, place] = grad[image]
        return grads, None


class Ranked(CellPooling):
    """A weighted sum of the sorted values, as GPO has it.

    A value is sorted together with its cell, as one number: a float64 has room for the cell in
    the digits that a float32 leaves free.

    Args:
        spans: see :class:`CellPooling`.
        table: float32 ``[lengths, longest]``, the weights from the largest value on.
        which: the row of it that is an image's.
    """

    def __init__(self, spans: Sequence[slice], table: np.ndarray, which: Sequence[int]) -> None:
        super().__init__(spans)
        self.table, self.which = table, which

    def forward(self, values: np.ndarray, keep: bool) -> np.ndarray:
        pooled = empty((len(self.spans), len(values)))
        self.ranked, self.cells = [], []
        for image, span in enumerate(self.spans):
            keys = np.array(values[:, span], np.float64, order="C")
            numbers = keys.view(np.int64)
            numbers |= np.arange(keys.shape[1])
            keys.sort(axis=1)
            ranked = keys.astype(np.float32)
            np.dot(ranked, self._weights(image), out=pooled[image])
            if keep:
                self.ranked.append(ranked)
                self.cells.append((numbers & (MOST_CELLS - 1)).astype(np.uint16))
        return pooled

    def backward(self, grad: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        grads = empty((grad.shape[1], self._columns()))
        table_grad = np.zeros_like(self.table)
        for image, span in enumerate(self.spans):
            ranked, weights = self.ranked[image], self._weights(image)
            shares = grad[image][:, None] * weights
            np.put_along_axis(grads[:, span], self.cells[image].astype(np.intp), shares, axis=1)
            row = table_grad[self.which[image]]
            row[: len(weights)] += (grad[image] @ ranked)[::-1]
        return grads, table_grad

    def _weights(self, image: int) -> np.ndarray:
        """Of an image's values from the smallest on."""
        span = self.spans[image]
        row = self.table[self.which[image], : span.stop - span.start]
        return np.ascontiguousarray(row[::-1])
