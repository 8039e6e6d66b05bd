"""Whether folders of photographs and the folder of an index can be what they are said to be."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from vsepp.index.manifest import MANIFEST
from vsepp.system.errors import InputError

_OURS = ("codes-", "approximate-", "journal.", "lock.", ".")


def check_folders(folders: Sequence[str | Path]) -> None:
    """InputError unless ``folders`` are folders."""
    for folder in folders:
        _check_named(folder, "of your photographs")
    for folder in map(Path, folders):
        if not folder.is_dir():
            what = "is no folder" if folder.exists() else "does not exist"
            raise InputError(f"{folder} {what}: give the folder of your photographs.")


def check_places(folders: Sequence[str | Path], index: str | Path) -> None:
    """InputError unless ``folders`` are folders and ``index`` one of an index, or nothing yet."""
    check_index(index)
    check_folders(folders)


def check_index(index: str | Path) -> None:
    """InputError unless ``index`` is the folder of one, or nothing yet."""
    _check_named(index, "for the index, with --out")
    index = Path(index)
    if index.exists() and not index.is_dir():
        raise InputError(f"{index} is a file: give --out the name of a folder for the index.")
    if index.is_dir() and not (index / MANIFEST).exists():
        for name in os.listdir(index):
            if not f"{name}.".startswith(_OURS):
                raise InputError(
                    f"{index} holds other files, such as {name}: give --out a folder "
                    "of its own for the index."
                )


def _check_named(folder: str | Path, what: str) -> None:
    if not str(folder):  # Path would take it for the current folder
        raise InputError(f"the name of a folder is empty: give the folder {what}.")
