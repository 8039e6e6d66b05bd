"""Where photographs come from: a folder, an archive, a table of them in base64, or several."""

from __future__ import annotations

import os
import re
import shutil
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from vsepp.data.image_suffixes import has_image_suffix, suffix_of_content
from vsepp.data.sources.archives import Archive
from vsepp.data.sources.base64_tables import Base64Table, is_base64_table
from vsepp.system.atomic import atomic_path
from vsepp.system.errors import InputError
from vsepp.system.invocation import quoted
from vsepp.system.printable import is_text
from vsepp.system.progress import progress

_ARCHIVE = re.compile(r"\.(zip|tar|tgz|tbz2?|txz|tar\.(gz|bz2|xz|lzma))$", re.IGNORECASE)
_UNREAD_ARCHIVE = re.compile(r"\.(7z|rar|tar\.(zst|lz|Z)|tzst)$", re.IGNORECASE)


def is_archive_name(name: str) -> bool:
    """Whether a name ends as archives' do, those that are not read among them."""
    return bool(_ARCHIVE.search(name) or _UNREAD_ARCHIVE.search(name))


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
    if is_base64_table(path):
        return Base64Table(path)
    files = open_files(path)
    if isinstance(files, Folder) and not any(map(has_image_suffix, files.sizes)):
        packed = _packed_in(path)
        return Several(path, packed) if packed else files
    return files


def open_files(path: Path) -> Folder | Archive:
    """Open a folder or an archive as it is, whatever its files hold.

    Raises:
        InputError: when it is missing, damaged or neither, with what it is.
    """
    if path.is_dir():
        return Folder(path)
    if path.is_file():
        with open(path, "rb") as file:
            head = file.read(tarfile.BLOCKSIZE)
        if head.isascii() and b"\0" not in head and head.strip():  # a .tar has zeros there
            raise InputError(
                f"{path} is a text, not photographs: give what holds these with --images, and the "
                "text with --captions if it holds captions."
            )
        if suffix_of_content(head[:16]):
            raise InputError(
                f"{path} is one photograph: give the folder that holds it (`--images "
                f"{quoted(path.parent)}`)."
            )
    return Archive(path)


class Folder:
    """The files below a folder, found through links but never in a circle."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sizes: Mapping[str, int] = _Sizes(path)
        self.undeclared: Mapping[str, bytes] = {
            name: os.fsencode(name) for name in self.sizes if not is_text(name)
        }

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def extract(self, targets: Mapping[str, Path], description: str) -> None:
        """Link files into their places, or copy them where links do not work."""
        for name in progress(targets, description, unit=" files"):
            link(self.path / name, targets[name])


def _packed_in(folder: Path) -> list[Path]:
    """Archives and tables of photographs that lie in a folder; those that are not read, where
    there is nothing else, so that opening them says so."""
    files = [path for path in sorted(folder.iterdir()) if path.is_file()]
    read = [
        path
        for path in files
        if (is_base64_table(path) if path.suffix == ".tsv" else _ARCHIVE.search(path.name))
    ]
    return read or [path for path in files if _UNREAD_ARCHIVE.search(path.name)]


class Several:
    """Archives and tables in one folder; what is in one has its file's name before its own."""

    def __init__(self, folder: Path, paths: Sequence[Path]) -> None:
        self.path = folder
        self.sizes: dict[str, int] = {}
        self.undeclared: dict[str, bytes] = {}
        self._sources: dict[str, ImageSource] = {}
        self._opened = ExitStack()
        with ExitStack() as opened:
            for number, path in enumerate(paths):
                # ASCII, which is the same in whatever encoding the names after it are.
                start = path.name if path.name.isascii() else str(number)
                source = self._sources[start] = opened.enter_context(open_source(path))
                for name, size in source.sizes.items():
                    self.sizes[f"{start}/{name}"] = size
                for name, data in source.undeclared.items():
                    self.undeclared[f"{start}/{name}"] = f"{start}/".encode() + data
            self._opened = opened.pop_all()

    def __enter__(self) -> Several:
        return self

    def __exit__(self, *exception: object) -> None:
        self._opened.close()

    def extract(self, targets: Mapping[str, Path], description: str) -> None:
        """Put files into their places, one archive or table after the other."""
        for start, source in self._sources.items():
            own = {
                name[len(start) + 1 :]: target
                for name, target in targets.items()
                if name.startswith(f"{start}/")
            }
            if own:
                source.extract(own, f"{description} from {start}")


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
        for name in sorted(files):
            yield name if below == "." else f"{below}/{name}"
