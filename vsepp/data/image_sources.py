"""Where photographs come from: a folder, an archive, or a table of them in base64."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

from vsepp.data.archives import Archive
from vsepp.data.base64_tables import Base64Table, is_base64_table
from vsepp.data.image_suffixes import suffix_of_content
from vsepp.system.atomic import atomic_path
from vsepp.system.errors import InputError
from vsepp.system.invocation import quoted
from vsepp.system.progress import progress


class ImageSource(Protocol):
    """What holds photographs by name. It is a context manager.

    Attributes:
        path: where it is.
        sizes: ``{name: bytes}`` of the files in it, names with forward slashes.
        undeclared: ``{name: its bytes}`` of those whose encoding nothing says.
    """

    path: Path
    sizes: Mapping[str, int]
    undeclared: Mapping[str, bytes]

    def __enter__(self) -> ImageSource: ...

    def __exit__(self, *exception: object) -> None: ...

    def extract(self, targets: Mapping[str, Path], description: str) -> None:
        """Put files into their places, ``{name: path}``, each whole or not at all."""


def open_source(path: str | os.PathLike) -> ImageSource:
    """Open what holds photographs, told apart by content.

    Raises:
        InputError: when it is missing, damaged, or no such thing, with what is.
    """
    path = Path(path)
    if path.is_dir():
        return Folder(path)
    if path.is_file():
        if is_base64_table(path):
            return Base64Table(path)
        with open(path, "rb") as file:
            if suffix_of_content(file.read(16)):
                raise InputError(
                    f"{path} is one photograph: give the folder that holds it, --images "
                    f"{quoted(path.parent)}."
                )
    return Archive(path)


class Folder:
    """The files below a folder, found through links but never in a circle."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sizes: Mapping[str, int] = _Sizes(path)
        self.undeclared: Mapping[str, bytes] = {
            name: os.fsencode(name) for name in self.sizes if not _is_text(name)
        }

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def extract(self, targets: Mapping[str, Path], description: str) -> None:
        """Link files into their places, or copy them where links do not work."""
        for name in progress(targets, description, unit=" files"):
            link(self.path / name, targets[name])


def link(source: Path, target: Path) -> None:
    """Let ``target`` be the same file as ``source``, or a copy where links do not work."""
    source = source.resolve()  # a link to a symbolic link would break when that moves
    with atomic_path(target, sync=False) as temporary:
        try:
            os.link(source, temporary)
        except OSError:  # another disk, or one without links
            shutil.copyfile(source, temporary)


class _Sizes(Mapping[str, int]):
    """Sizes of the files below a folder, asked for one by one: a folder can be large."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names = dict.fromkeys(_files_below(folder))

    def __getitem__(self, name: str) -> int:
        if name not in self._names:
            raise KeyError(name)
        return (self._folder / name).stat().st_size

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _files_below(folder: Path) -> Iterator[str]:
    seen = set()
    for parent, subfolders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(parent)
        if real in seen:
            subfolders.clear()
            continue
        seen.add(real)
        subfolders.sort()
        below = os.path.relpath(parent, folder).replace(os.sep, "/")
        for name in files:
            yield name if below == "." else f"{below}/{name}"


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
