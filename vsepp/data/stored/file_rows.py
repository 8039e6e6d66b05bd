"""Reading rows of files that are larger than the memory that reading them may take."""

from __future__ import annotations

import mmap
import os
import weakref
from collections.abc import Iterator

import numpy as np

from vsepp.system.errors import InputError


class FileRows:
    """The rows of an array. Those of a memory-mapped file are read, each into memory of its own.

    A page of a map belongs to the process from its first reading on, and what the system maps
    beside it too: of a file of gigabytes that soon is all of it. Where the system cannot read at
    a place (Windows), rows are those of the map.
    """

    def __init__(self, array: np.ndarray) -> None:
        self.array = array
        self._file: int | None = None
        self._start, self._path = 0, ""
        # not of a part of a map, whose offset is that of the whole
        if isinstance(array, np.memmap) and isinstance(array.base, mmap.mmap):
            if hasattr(os, "preadv") and array.filename and array.flags.c_contiguous:
                self._start, self._path = array.offset, str(array.filename)
                self._file = os.open(self._path, os.O_RDONLY)
                weakref.finalize(self, os.close, self._file)

    def __len__(self) -> int:
        return len(self.array)

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> np.ndarray:
        if self._file is None:
            return self.array[index]
        row = np.empty(self.array.shape[1:], self.array.dtype)
        start = self._start + index * row.nbytes
        if os.preadv(self._file, [row.data], start) != row.nbytes:
            raise InputError(
                f"{self._path} ends before its row {index}: it was changed while it was "
                "read; run this again."
            )
        return row
