"""Reading rows of files that are larger than the memory that reading them may take."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from vsepp.system.npy_files import let_go

_MAPPED_AT_MOST = 1 << 26  # bytes of rows


class LetGo:
    """The rows of an array, which may be memory-mapped: what was read is let go now and then.

    A row stays what it is for whoever holds it.
    """

    def __init__(self, array: np.ndarray) -> None:
        self.array = array
        self._read = 0

    def __len__(self) -> int:
        return len(self.array)

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> np.ndarray:
        row = self.array[index]
        self._read += row.nbytes
        if self._read > _MAPPED_AT_MOST:
            self._read = 0
            let_go(self.array)
        return row
