"""Reading other people's ``.npy`` with one clear sentence when it cannot be used."""

from __future__ import annotations

import mmap
from pathlib import Path

import numpy as np

from vsepp.system.errors import InputError


def read_npy(path: str | Path, mend: str) -> np.memmap:
    """Open an array of numbers, memory-mapped and read-only; nothing in it is executed.

    Args:
        path: the file.
        mend: what the user can do when it is missing or broken; ends the sentence.

    Raises:
        InputError: when the file is missing, is no ``.npy``, is cut short or holds objects.
    """
    try:
        array: np.memmap = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist: {mend}.") from None
    except PermissionError:
        raise
    except Exception:  # NumPy's readers raise almost anything, and advise to trust the file
        raise InputError(f"{path} is no .npy file of numbers, or not all of one: {mend}.") from None
    if not isinstance(array, np.ndarray):  # a .npz under another name
        raise InputError(f"{path} is an archive of several arrays, not one .npy file: {mend}.")
    return array


def let_go(array: np.ndarray) -> None:
    """Count the pages of a memory-mapped array no longer as this process's memory.

    A page that was read belongs to the process until the map is closed; of a file of gigabytes
    that soon is all of it. What is let go stays in the system's cache while there is room, and is
    mapped again when it is read again. Nothing happens to an array in memory, or where the
    system has no word for it.
    """
    if isinstance(array.base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        array.base.madvise(mmap.MADV_DONTNEED)
