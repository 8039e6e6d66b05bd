"""Single things, as they come, in batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

import numpy as np

Thing = TypeVar("Thing")


def in_groups(things: Iterable[Thing], size: int) -> Iterator[list[Thing]]:
    """Lists of ``size`` things in order; the last one holds what is left."""
    group = []
    for thing in things:
        group.append(thing)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group


def in_batches(arrays: Iterable[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """Stack arrays of one shape by ``size``; the last batch holds what is left.

    Args:
        arrays: iterable over arrays.
        size: arrays in a batch.

    Yields:
        ndarray ``[size or less, ...]``
    """
    return map(np.stack, in_groups(arrays, size))
