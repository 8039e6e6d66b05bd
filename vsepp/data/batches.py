"""Single arrays, as they come, in batches."""

import numpy as np


def in_batches(arrays, size):
    """Stack arrays of one shape by ``size``; the last batch holds what is left.

    Args:
        arrays: iterable over arrays.
        size: arrays in a batch.

    Yields:
        ndarray ``[size or less, ...]``
    """
    batch = []
    for array in arrays:
        batch.append(array)
        if len(batch) == size:
            yield np.stack(batch)
            batch = []
    if batch:
        yield np.stack(batch)
