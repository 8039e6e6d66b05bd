"""Arrays of several splits, read as those of one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vsepp.data.stored.file_rows import FileRows


class Joined:
    """Sequences read as one; they are not copied, since they may be on the disk."""

    def __init__(self, parts: list[Sequence[np.ndarray] | np.ndarray | FileRows]) -> None:
        self.parts = parts

    def __getitem__(self, index: int) -> np.ndarray:
        for part in self.parts:
            if index < len(part):
                return part[index]
            index -= len(part)
        raise IndexError("there is no such image")
