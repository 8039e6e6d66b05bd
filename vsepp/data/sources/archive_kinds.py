"""Which kind of archive a file is, by its first bytes, and what to do with one that is not read."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import NamedTuple

from vsepp.system.errors import InputError
from vsepp.system.invocation import quoted

READ = ".zip, .tar, .tar.gz, .tar.bz2 or .tar.xz"
ZIP = "zip"
PLAIN = "r:"
# What tarfile calls the way to read each kind.
_MODES = {
    b"PK\3\4": ZIP,
    b"PK\5\6": ZIP,  # one without files
    b"\x1f\x8b": "r:gz",
    b"BZh": "r:bz2",
    b"\xfd7zXZ\0": "r:xz",
    b"]\0\0": "r:xz",  # .tar.lzma, which the same module reads
}


class _Unread(NamedTuple):
    """A kind that Python cannot read.

    Attributes:
        name: what it is called.
        unpack: the command that unpacks ``{archive}`` into ``{folder}``.
    """

    name: str
    unpack: str


_UNREAD = {
    b"7z\xbc\xaf\x27\x1c": _Unread("a 7-Zip archive", "7z x {archive} -o{folder}"),
    b"Rar!\x1a\x07": _Unread("a RAR archive", "unrar x {archive} {folder}/"),
    b"\x28\xb5\x2f\xfd": _Unread(
        "packed with Zstandard", "mkdir {folder} && tar --zstd -xf {archive} -C {folder}"
    ),
    b"LZIP": _Unread("packed with lzip", "mkdir {folder} && tar --lzip -xf {archive} -C {folder}"),
    b"\x1f\x9d": _Unread(
        "packed with compress", "mkdir {folder} && tar -Z -xf {archive} -C {folder}"
    ),
}


def is_archive(path: Path) -> bool:
    """Whether a path is of an archive that is read, by its first bytes; a workbook is none."""
    try:
        with open(path, "rb") as file:
            start = file.read(tarfile.BLOCKSIZE * 8)
    except (OSError, ValueError):  # said better by who reads it
        return False
    mode = _mode(start)
    if mode == ZIP:
        return b"[Content_Types].xml" not in start and b"xl/" not in start
    return start[257:262] == b"ustar" or (mode != PLAIN and tarfile.is_tarfile(path))


def _mode(start: bytes) -> str:
    return next((mode for mark, mode in _MODES.items() if start.startswith(mark)), PLAIN)


def reading_mode(path: Path) -> str:
    """``zip``, or how ``tarfile`` reads the archive; ``r:`` where nothing is recognised.

    Raises:
        InputError: when it is of a kind that is not read, with what to do.
    """
    with open(path, "rb") as file:
        start = file.read(8)
    for mark, kind in _UNREAD.items():
        if start.startswith(mark):
            folder = path.name.partition(".")[0] or "unpacked"
            unpack = kind.unpack.format(archive=quoted(path), folder=quoted(folder))
            raise InputError(
                f"{path} is {kind.name}, which is not read here: unpack it (`{unpack}`) and give "
                f"the folder, --images {quoted(folder)}, or pack it again as .zip."
            )
    return _mode(start)
