"""Single things, as they come, in batches."""

import numpy as np


def in_groups(things, size):
    """Lists of ``size`` things in order; the last one holds what is left."""
    group = []
    for thing in things:
        group.append(thing)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group


def in_batches(arrays, size):
    """Stack arrays of one shape by ``size``; the last batch holds what is left.

    Args:
        arrays: iterable over arrays.
        size: arrays in a batch.

    Yields:
        ndarray ``[size or less, ...]``
    """
    return map(np.stack, in_groups(arrays, size))
