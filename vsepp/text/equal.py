"""Which sentences of a list are equal."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

import numpy as np


def first_of_equal(items: Iterable[Hashable]) -> np.ndarray:
    """Where the first item that equals each stands: int64 ``[n]``.

    >>> first_of_equal(["a dog", "a cat", "a dog"])
    array([0, 1, 0])
    """
    places: dict[Hashable, int] = {}
    return np.array([places.setdefault(item, place) for place, item in enumerate(items)], np.int64)


def first_of_equal_captions(captions: Iterable[Sequence[int]]) -> np.ndarray:
    """:func:`first_of_equal` of lists of indices, which need not be hashable."""
    return first_of_equal(np.asarray(caption, np.int64).tobytes() for caption in captions)
