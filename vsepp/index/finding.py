"""Which photographs lie below a folder."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif")


class PhotographFile(NamedTuple):
    """The file of a photograph below a folder.

    Attributes:
        path: relative to the folder, with ``/`` between its parts.
        size: in bytes.
        mtime_ns: when it was changed last.
    """

    path: str
    size: int
    mtime_ns: int


def find_photographs(
    folder: str | Path, leave_out: Iterable[str | Path] = ()
) -> tuple[list[PhotographFile], list[tuple[str, str]]]:
    """Every photograph below a folder, in the order of their paths.

    Files and folders whose names begin with a dot are passed over. Links are followed, and each
    folder is entered once, so links that lead in circles do no harm.

    Args:
        folder: where to look.
        leave_out: folders below it that are passed over.

    Returns:
        (list of :class:`PhotographFile`, list of ``(path, reason)`` that cannot be looked at)
    """
    entered = {_identity(os.stat(place)) for place in leave_out if os.path.exists(place)}
    found: list[PhotographFile] = []
    refused: list[tuple[str, str]] = []
    waiting: list[str] = [""]
    links: list[str] = []
    while waiting or links:
        # A folder is found under its own name rather than under that of a link to it.
        inside = waiting.pop() if waiting else links.pop(0)
        try:
            identity = _identity(os.stat(os.path.join(folder, inside)))
            if identity in entered:
                continue
            entered.add(identity)
            with os.scandir(os.path.join(folder, inside)) as scanned:
                entries = sorted(scanned, key=lambda entry: entry.name)
        except OSError as error:
            refused.append((inside or ".", _reason(error)))
            continue
        for entry in entries:
            if entry.name.startswith("."):
                continue
            path = f"{inside}/{entry.name}" if inside else entry.name
            try:
                if entry.is_dir():
                    (links if entry.is_symlink() else waiting).append(path)
                elif entry.name.lower().endswith(SUFFIXES):
                    about = os.stat(entry.path)  # not entry.stat(), which lacks fields on Windows
                    if stat.S_ISREG(about.st_mode):
                        found.append(PhotographFile(path, about.st_size, about.st_mtime_ns))
                    else:  # opening a pipe would wait for ever
                        refused.append((path, "it is no ordinary file"))
            except OSError as error:
                refused.append((path, _reason(error)))
    return sorted(found), sorted(refused)


def _identity(about: os.stat_result) -> tuple[int, int]:
    return about.st_dev, about.st_ino


def _reason(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "it may not be read: change its permissions"
    if isinstance(error, FileNotFoundError):
        return "it does not exist, or is a link to nothing"
    return error.strerror or str(error)
