"""Writing a large ``.npy`` piece by piece, going on where an interruption left it.

While ``<name>.npy`` is being written it is called ``<name>.partial.npy``, and
``<name>.partial.json`` says what it will hold and how much is done. In the end
``<name>.json`` says what it holds: beside a partial file, that only the renaming is left.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any

import numpy as np

from vsepp.system.atomic import naming, sync_folder, write_all, write_json
from vsepp.system.errors import InputError
from vsepp.system.json_files import read_json
from vsepp.system.npy_files import read_npy


class ResumableArray:
    """An array of numbers that grows on the disk.

    Args:
        folder: a ``pathlib.Path``; it is made when it is missing.
        name: of the files, without their suffixes.
        description: dictionary that JSON can hold; what was begun is continued only when it
            was begun with the same one.
        count: pieces it consists of.
        shape, dtype: of the whole.
        mend: what the user can do when its files are broken; ends the sentence.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        description: dict[str, Any],
        count: int,
        shape: tuple[int, ...],
        dtype: Any,
        mend: str,
    ) -> None:
        self.folder = folder
        self.path = folder / f"{name}.npy"
        self.about = folder / f"{name}.json"
        self.partial = folder / f"{name}.partial.npy"
        self.progress = folder / f"{name}.partial.json"
        self.description = description
        self.count = count
        self.shape = shape
        self.dtype = np.dtype(dtype)
        self.mend = mend

    def done(self) -> int:
        """How many pieces were written before an interruption; 0 when it has to begin."""
        if not self.partial.exists():
            return 0
        if self.about.exists() and read_json(self.about, self.mend) == self.description:
            return self.count if self._partial_start() else 0
        if not self.progress.exists():
            return 0
        stored = read_json(self.progress, self.mend)
        if not isinstance(stored, dict) or {**stored, "done": 0} != {**self.description, "done": 0}:
            return 0
        found = stored.get("done")
        if type(found) is not int or not 0 < found <= self.count:
            return 0
        return found if self._partial_start() else 0

    def _partial_start(self) -> int:
        """Bytes before the numbers of the partial file; 0 when it is not one of this array."""
        try:
            there = read_npy(self.partial, self.mend)
        except InputError:
            return 0
        return there.offset if (there.shape, there.dtype) == (self.shape, self.dtype) else 0

    def write(
        self,
        position: Callable[[int], int],
        compute: Callable[[int], Iterable[tuple[int, np.ndarray]]],
        advance: Callable[[int], object],
    ) -> None:
        """Write what is missing, and give the file its name.

        Args:
            position: from a number of pieces to the numbers of the array that they are.
            compute: from the first piece still missing to an iterator over (how many pieces,
                array with their numbers), in order.
            advance: called with the number of pieces done, once for what was there and then
                after each.

        Raises:
            OSError: naming the file, when the disk is full. What was done is kept.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        done = self.done()
        start = self._partial_start() if done else 0
        if not done:  # a description that is there is of other numbers
            self.about.unlink(missing_ok=True)
        # Not written through the memory map: on a full disk that kills the process.
        with open(self.partial, "r+b" if done else "wb", buffering=0) as file:
            if not done:
                with naming(self.partial):
                    start = self._begin(file)
            file.seek(start + self.dtype.itemsize * position(done))
            advance(done)
            for pieces, numbers in compute(done):
                with naming(self.partial):
                    write_all(file, np.ascontiguousarray(numbers, self.dtype).data)
                    os.fsync(file.fileno())
                done += pieces
                write_json(self.progress, {**self.description, "done": done})
                advance(pieces)
        self.path.unlink(missing_ok=True)  # its description goes next, and both are of one array
        write_json(self.about, self.description)
        self.progress.unlink(missing_ok=True)
        self.partial.replace(self.path)
        sync_folder(self.folder)

    def _begin(self, file: IO[bytes]) -> int:
        """Write the header and make the file as long as it will be; returns the header's bytes."""
        np.lib.format.write_array_header_1_0(
            file, {"descr": self.dtype.str, "fortran_order": False, "shape": self.shape}
        )
        start = file.tell()
        file.truncate(start + self.dtype.itemsize * int(np.prod(self.shape, dtype=np.int64)))
        return start
