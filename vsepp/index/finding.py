"""Which photographs lie below folders, and what else does: every file is counted."""

from __future__ import annotations

import os
import re
import stat
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, NamedTuple, Optional, Set, Tuple

from vsepp.data.image_suffixes import OPENED_SUFFIXES
from vsepp.data.sources.passed_over import is_of_a_system
from vsepp.index.choosing import Choice
from vsepp.index.folders import Folder

NO_SUFFIX = ""
HIDDEN_FILES = ""
_SUFFIX = re.compile(r"\.[^\W_][\w~-]{0,11}$")


class PhotographFile(NamedTuple):
    """The file of a photograph.

    Attributes:
        path: its name in the index: see :mod:`vsepp.index.folders`.
        size: in bytes.
        mtime_ns: when it was changed last.
    """

    path: str
    size: int
    mtime_ns: int


@dataclass
class Found:
    """What lies below folders. Each file is in one of these, and counted once.

    Attributes:
        photographs: those whose suffix is a photograph's, in the order of their paths.
        refused: ``(path, reason)`` of files and folders that cannot be looked at.
        other_kinds: ``{suffix: files}`` of all other suffixes, in small letters;
            ``NO_SUFFIX`` of files without.
        by_name: ``{name: files}`` of what is passed over since it is hidden or a system's: the
            files in folders (their names end in ``/``), and files; ``HIDDEN_FILES`` of hidden ones.
        excluded: ``{pattern: files}`` of what the owner excludes, also of patterns that fit none.
        unused_includes: patterns of what is to be taken in that fit none.
        files: how many there are in all.
    """

    photographs: list[PhotographFile] = field(default_factory=list)
    refused: list[Tuple[str, str]] = field(default_factory=list)
    other_kinds: Dict[str, int] = field(default_factory=Counter)
    by_name: Dict[str, int] = field(default_factory=Counter)
    excluded: Dict[str, int] = field(default_factory=Counter)
    unused_includes: Set[Optional[str]] = field(default_factory=set)
    files: int = 0


def find_photographs(
    folders: Sequence[Folder], leave_out: Iterable[str | Path] = (), choice: Choice = Choice()
) -> Found:
    """Every photograph below folders.

    What is hidden, and what systems and drives keep beside photographs, is passed over unless
    the choice includes it. Links are followed, and each folder is entered once, so links that
    lead in circles do no harm.

    Args:
        folders: where to look.
        leave_out: folders below them that are passed over and not counted.
        choice: what is left out and taken in besides.
    """
    return _Search(folders, leave_out, choice).run()


class _Search:
    def __init__(
        self, folders: Sequence[Folder], leave_out: Iterable[str | Path], choice: Choice
    ) -> None:
        self.folders, self.choice = folders, choice
        self.entered = {_identity(os.stat(place)) for place in leave_out if os.path.exists(place)}
        self.given = {
            _identity(os.stat(folder.path)) for folder in folders if os.path.exists(folder.path)
        }
        self.found = Found(
            excluded=Counter({pattern: 0 for pattern in choice.exclude}),
            unused_includes=set(choice.include),
        )
        # (folder, path below it). A folder is found under its own name rather than under that
        # of a link to it.
        self.waiting: list[Tuple[Folder, str]] = [(folder, "") for folder in reversed(folders)]
        self.links: list[Tuple[Folder, str]] = []

    def run(self) -> Found:
        while self.waiting or self.links:
            folder, inside = self.waiting.pop() if self.waiting else self.links.pop(0)
            self._enter(folder, inside)
        self.found.photographs.sort()
        self.found.refused.sort()
        return self.found

    def _enter(self, folder: Folder, inside: str) -> None:
        place = os.path.join(folder.path, inside)
        try:
            identity = _identity(os.stat(place))
            if identity in self.entered:
                return
            self.entered.add(identity)
            with os.scandir(place) as scanned:
                entries = sorted(scanned, key=lambda entry: entry.name)
        except OSError as error:
            self._refuse(_named(folder, inside) or ".", _reason(error))
            return
        for entry in entries:
            path = f"{inside}/{entry.name}" if inside else entry.name
            try:
                self._look_at(folder, path, entry)
            except OSError as error:
                self._refuse(_named(folder, path), _reason(error))

    def _look_at(self, folder: Folder, path: str, entry: os.DirEntry[str]) -> None:
        found = self.found
        name = _named(folder, path)
        self.found.unused_includes.discard(self.choice.included_by(name))
        pattern = self.choice.excluded_by(name)
        if pattern is not None:
            found.excluded[pattern] += self._count(entry)
        elif self.choice.passes_over(name):
            found.by_name[_kept_out_as(entry)] += self._count(entry)
        elif entry.is_dir():
            (self.links if entry.is_symlink() else self.waiting).append((folder, path))
        elif not entry.name.lower().endswith(OPENED_SUFFIXES):
            found.files += 1
            found.other_kinds[_suffix(entry.name)] += 1
        else:
            about = os.stat(entry.path)  # not entry.stat(), which lacks fields on Windows
            if stat.S_ISREG(about.st_mode):
                found.files += 1
                found.photographs.append(
                    PhotographFile(_named(folder, path), about.st_size, about.st_mtime_ns)
                )
            else:  # opening a pipe would wait for ever
                self._refuse(_named(folder, path), "it is no ordinary file")

    def _refuse(self, name: str, reason: str) -> None:
        self.found.files += 1
        self.found.refused.append((name, reason))

    def _count(self, entry: os.DirEntry[str]) -> int:
        """How many files an entry that is passed over is or holds; links are not followed."""
        count, waiting = 0, [entry]
        while waiting:
            current = waiting.pop()
            if not current.is_dir(follow_symlinks=False):
                count += not (current.is_symlink() and current.is_dir())
                continue
            if self._is_looked_at(current):
                continue
            try:
                with os.scandir(current.path) as scanned:
                    waiting += scanned
            except OSError:  # it would not have been looked at anyway
                pass
        self.found.files += count
        return count

    def _is_looked_at(self, entry: os.DirEntry[str]) -> bool:
        """Whether a folder is the index, or one of those given, and counted there."""
        identity = _identity(os.stat(entry.path))
        return identity in self.entered or identity in self.given


def _kept_out_as(entry: os.DirEntry[str]) -> str:
    if entry.is_dir():
        return f"{entry.name}/"
    return entry.name if is_of_a_system(entry.name) else HIDDEN_FILES


def _named(folder: Folder, path: str) -> str:
    return "/".join(part for part in (folder.label, path) if part)


def _suffix(name: str) -> str:
    """What stands behind the last dot, where that looks like a suffix."""
    found = _SUFFIX.search(name[1:])
    return found.group().lower() if found else NO_SUFFIX


def _identity(about: os.stat_result) -> tuple[int, int]:
    return about.st_dev, about.st_ino


def _reason(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "it may not be read: change its permissions"
    if isinstance(error, FileNotFoundError):
        return "it does not exist, or is a link to nothing"
    return error.strerror or str(error)
