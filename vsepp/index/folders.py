"""The folders that an index is of, and the names of the photographs below them.

A photograph of an index of one folder is called by its path below it. Where there are several,
the folder's label stands before that: ``DCIM/100APPLE/IMG_0001.jpg``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Dict, NamedTuple, Optional, Tuple

from vsepp.index.choosing import Choice


class Folder(NamedTuple):
    """One of the folders.

    Attributes:
        label: what its photographs' names begin with; empty when it is the only one.
        path: absolute.
    """

    label: str
    path: str


def arrange(
    paths: Iterable[str], before: Sequence[Folder] = (), choice: Choice = Choice()
) -> Tuple[Folder, ...]:
    """Folders with their labels; what lies in another of them is not listed besides.

    Args:
        paths: absolute; one may be given twice or lie in another.
        before: folders of the index so far, which keep their labels.
        choice: what is looked at; what a folder leaves out is one of its own.
    """
    real: Dict[str, str] = {}
    for path in paths:
        real.setdefault(os.path.realpath(path), path)
    kept = [
        path
        for place, path in real.items()
        if not any(_covers(other, place, choice) for other in real if other != place)
    ]
    if len(kept) == 1:
        return (Folder("", kept[0]),)
    labels = {folder.path: folder.label for folder in before if folder.label}
    taken = {labels[path].casefold() for path in kept if path in labels}
    folders = []
    for path in kept:
        label = labels.get(path) or _new_label(path, taken)
        taken.add(label.casefold())
        folders.append(Folder(label, path))
    return tuple(folders)


def _covers(folder: str, path: str, choice: Choice) -> bool:
    """Whether looking below a folder is looking below ``path`` as well."""
    inside = _below(folder, path)
    return inside is not None and choice.takes(inside)


def _below(folder: str, path: str) -> Optional[str]:
    """``path`` relative to a folder that it lies in, with ``/`` between its parts, or None."""
    start = folder.rstrip(os.sep) + os.sep
    return path[len(start) :].replace(os.sep, "/") if path.startswith(start) else None


def _new_label(path: str, taken: set[str]) -> str:
    """The folder's name; with that of the folder around it, or a number, where that is taken."""
    place = Path(path)
    name = place.name or "folder"
    candidates = [name, f"{name} ({place.parent.name})"] if place.parent.name else [name]
    number = 2
    while candidates[0].casefold() in taken:
        candidates.pop(0)
        if not candidates:
            candidates.append(f"{name} ({number})")
            number += 1
    return candidates[0]


def file_of(folders: Sequence[Folder], name: str) -> str:
    """Where the file of a photograph is, by its name in the index."""
    parts = name.split("/")
    if len(folders) == 1:
        return os.path.join(folders[0].path, *parts)
    place = next(folder.path for folder in folders if folder.label == parts[0])
    return os.path.join(place, *parts[1:])


def name_of(folders: Sequence[Folder], file: str) -> Optional[str]:
    """What the photograph in a file is called in an index of ``folders``; None: in none of them."""
    for label, place in sorted(folders, key=lambda folder: -len(folder.path)):  # the inner first
        inside = _below(place, file)
        if inside is not None:
            return f"{label}/{inside}" if label else inside
    return None


def in_words(folders: Sequence[Folder]) -> str:
    """The folders in a sentence."""
    *others, last = [folder.path for folder in folders]
    return f"{', '.join(others)} and {last}" if others else last
