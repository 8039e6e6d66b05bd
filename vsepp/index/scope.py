"""What an index is of: the folders and patterns that are given, and those it has been of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Optional, Tuple

from vsepp.index.choosing import Choice, patterns
from vsepp.index.folders import Folder, arrange, file_of, in_words, name_of
from vsepp.index.manifest import Manifest, Photograph
from vsepp.system.errors import InputError
from vsepp.system.invocation import quoted


@dataclass(frozen=True)
class Wanted:
    """What the caller asks for.

    Attributes:
        folders: of the photographs, absolute.
        exclude, include: patterns; None: as the index has them.
    """

    folders: Tuple[str, ...]
    exclude: Optional[Tuple[str, ...]]
    include: Optional[Tuple[str, ...]]


class Scope:
    """The folders and patterns of an index from now on.

    Args:
        wanted: what is asked for.
        before: the index so far, or None.

    Attributes:
        folders: with their labels.
        choice: of the files below them.
    """

    def __init__(self, wanted: Wanted, before: Optional[Manifest]) -> None:
        self._wanted, self._before = wanted, before
        known = before.choice if before else Choice()
        self.choice = Choice(
            known.exclude if wanted.exclude is None else patterns(wanted.exclude),
            known.include if wanted.include is None else patterns(wanted.include),
        )
        self.folders = self._arranged(())

    def _arranged(self, more: Sequence[str]) -> Tuple[Folder, ...]:
        before = self._before.folders if self._before else ()
        return arrange([*self._wanted.folders, *more], before, self.choice)

    def check(self, index: str, another: str) -> None:
        """InputError when the index is of a folder that is not among these.

        Args:
            index: what it is called.
            another: the option that names another index.
        """
        if self._before is None:
            return
        before = [folder.path for folder in self._before.folders]
        if _paths(self._arranged(before)) == _paths(self.folders):
            return
        several = max(len(before), len(self.folders)) > 1
        raise InputError(
            f"{index} is the index of {self._before.folder}, not of {in_words(self.folders)}: "
            f"{'name all of its folders, ' if several else ''}choose another {another}, or give "
            f"--force if that is where the photographs are now."
        )

    def renamed(self, photographs: Sequence[Photograph]) -> Tuple[Photograph, ...]:
        """Photographs of the index so far, called what they are called among these folders."""
        if self._before is None or self._before.folders == self.folders:
            return tuple(photographs)
        before = self._before.folders
        names = (name_of(self.folders, file_of(before, entry.path)) for entry in photographs)
        return tuple(
            entry._replace(path=name or entry.path) for entry, name in zip(photographs, names)
        )

    def remarks(self) -> Iterator[str]:
        """What there is to say of the folders and patterns."""
        there = _paths(self.folders)
        for path in dict.fromkeys(self._wanted.folders):
            if path not in there:
                yield f"{path} is or lies in another of the folders: its photographs count once"
        if self._before is None:
            return
        before = _paths(self._before.folders)
        if before & there:
            for folder in self.folders:
                if folder.path not in before:
                    yield f"added: the folder {folder.path}"
        for option in ("exclude", "include"):
            earlier = getattr(self._before.choice, option)
            if earlier and getattr(self._wanted, option) is None:
                words = " ".join(f"--{option} {quoted(pattern)}" for pattern in earlier)
                yield f"as the index has it: {words} (--{option} '' ends that)"
            ended = [each for each in earlier if each not in getattr(self.choice, option)]
            if ended:
                yield f"no longer {option}d: {', '.join(ended)}"


def _paths(folders: Sequence[Folder]) -> set[str]:
    return {folder.path for folder in folders}
