"""Captions that lie in a folder or an archive, beside photographs or alone."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Optional, Union

from vsepp.data.archives import Archive
from vsepp.data.captions import json_documents, sidecars
from vsepp.data.captions.assembling import Part
from vsepp.data.captions.files import CaptionFile
from vsepp.data.captions.names import has_image_suffix, split_said_by, splits_in
from vsepp.data.captions.recognition import recognise
from vsepp.data.captions.split_lists import SplitLists, is_split_list
from vsepp.data.name_encodings import ENCODINGS, in_encoding
from vsepp.system.errors import InputError
from vsepp.system.invocation import quoted

_SUFFIXES = (".json", ".jsonl", ".csv", ".tsv", ".txt", ".token", ".caption", ".captions", ".dat")
_KARPATHY = re.compile(r"dataset_(.+)\.json")
_AT_MOST = 100  # files that are looked into
_DEEPEST = 3  # folders below the first one


def is_plain_text(path: Union[str, Path]) -> bool:
    """Whether a path is of a file in ASCII, a table of photographs perhaps, and no archive."""
    if not Path(path).is_file():
        return False
    head = CaptionFile(path).head
    return bool(head) and head.isascii() and b"\0" not in head


class Place:
    """A folder or an archive, as names below it. Use it as a context manager.

    Args:
        path: where it is.
        of_images: whether it is given with --images, and not with --captions.

    Attributes:
        path: where it is.
        names: of the files in it, with forward slashes.
        refused: ``{name: sentence}`` of the files that were looked into and hold no captions.
    """

    def __init__(self, path: Union[str, Path], of_images: bool = False) -> None:
        self.path, self._of_images = Path(path), of_images
        self._archive = None if self.path.is_dir() else Archive(self.path)
        names = _below(self.path) if self._archive is None else self._archive.sizes
        self.refused = {}
        self.names = [
            name
            for name in names
            if not any(part.startswith((".", "__MACOSX")) for part in name.split("/"))
        ]

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self._archive is not None:
            self._archive.__exit__(*exception)

    def open(self, name: str) -> CaptionFile:
        """One of its files as a ``CaptionFile``."""
        if self._archive is None:
            return CaptionFile(self.path / name)
        return CaptionFile(name, f"{name} in {self.path}", self._archive.read(name))

    def given_as(self, name: str) -> str:
        """What --captions calls one of its files: its name alone where --images gives the place."""
        return quoted(name if self._of_images else self.path / name)

    def _spellings(self, name):
        """A name as it is listed, and as it reads in other encodings where none is declared."""
        data = self._archive.undeclared.get(name) if self._archive is not None else None
        others = [in_encoding(data, encoding) for encoding in ENCODINGS] if data else []
        return {name, *filter(None, others)}

    def called(self, name: str) -> Optional[CaptionFile]:
        """The file in it whose path ends in a name, or None; InputError when several do."""
        found = [
            one
            for one in self.names
            if any(f"/{spelling}".endswith(f"/{name}") for spelling in self._spellings(one))
        ]
        if name in found:
            found = [name]
        if len(found) > 1:
            raise InputError(
                f"{self.path} holds {len(found)} files called {name}: give --captions the whole "
                f"path in it, such as {self.given_as(found[0])}."
            )
        return self.open(found[0]) if found else None


def _below(folder):
    seen = set()
    for parent, subfolders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(parent)
        if real in seen:
            subfolders.clear()
            continue
        seen.add(real)
        subfolders.sort()
        for name in sorted(files):
            yield Path(parent, name).relative_to(folder).as_posix()


class Found:
    """What was found.

    Attributes:
        karpathy: ``CaptionFile`` of a Karpathy JSON, or None; then there are parts.
        parts: list of ``Part``.
        lists: ``SplitLists`` that lie beside them, or None.
    """

    def __init__(
        self,
        karpathy: Optional[CaptionFile] = None,
        parts: Iterable[Part] = (),
        lists: Optional[SplitLists] = None,
    ) -> None:
        self.karpathy, self.parts, self.lists = karpathy, list(parts), lists


def find(place: Place, dataset: Optional[str] = None, names_alone: bool = False) -> Optional[Found]:
    """Captions in a ``Place``, or None.

    A ``dataset_<dataset>.json`` anywhere in it comes first, then Hugging Face's metadata, then
    texts beside the photographs, then any file in a known format.

    Args:
        place: the folder or archive.
        dataset: its name; without one there must be no two such JSON.
        names_alone: whether texts count as captions of photographs of their names that lie
            elsewhere.

    Raises:
        InputError: when several files could be meant.
    """
    karpathy = _karpathy_in(place, dataset)
    if karpathy is not None:
        return Found(karpathy=karpathy)
    photographs = sum(map(has_image_suffix, place.names))
    beside = sidecars.find_sidecars(place.names)
    metadata = [name for name in place.names if _is_metadata(name)]
    if not metadata and beside and 2 * len(beside) >= photographs:
        return Found(parts=[_of_sidecars(place, beside)])
    if not metadata and not beside:
        objects = sidecars.find_sidecars(place.names, sidecars.OBJECTS)
        if objects and 2 * len(objects) >= photographs:
            if sidecars.has_caption(place.open(min(objects))):
                return Found(parts=[_of_sidecars(place, objects)])
    candidates = [
        name
        for name in metadata or place.names
        if name not in beside
        and PurePosixPath(name).suffix.lower() in _SUFFIXES
        and name.count("/") <= _DEEPEST
        and not _KARPATHY.fullmatch(name.rpartition("/")[2])  # of another data set
    ]
    if len(candidates) <= _AT_MOST:
        files = {name: place.open(name) for name in candidates}
        known = {name: one for name, file in files.items() if (one := _known(file, place))}
        known = _without_copies(known, files)
        if known:
            return _chosen(place, known, files)
    if beside:
        return Found(parts=[_of_sidecars(place, beside)])
    if names_alone and not photographs:
        texts = {
            name: str(PurePosixPath(name).with_suffix(""))
            for name in place.names
            if PurePosixPath(name).suffix.lower() in sidecars.SUFFIXES
        }
        if texts:
            return Found(parts=[_of_sidecars(place, texts, "named like")])
    return None


def _karpathy_in(place, dataset):
    """The ``dataset_<dataset>.json`` anywhere in a place, or None."""
    found = {
        name: match[1]
        for name in place.names
        if (match := _KARPATHY.fullmatch(name.rpartition("/")[2])) and dataset in (None, match[1])
    }
    if not found:
        return None
    if len(set(found.values())) > 1:
        several = ", ".join(sorted(set(found.values())))
        raise InputError(f"{place.path} holds captions of {several}: choose one with --dataset.")
    return place.open(min(found, key=lambda name: (name.count("/"), name)))


def _is_metadata(name):
    return PurePosixPath(name).name.lower() in ("metadata.csv", "metadata.jsonl")


def _of_sidecars(place, texts, where="beside"):
    return Part(str(place.path), sidecars.recognised(texts, place.names, place.open, where))


def _known(file, place):
    """The format, or the word Karpathy, or None when the file is something else."""
    try:
        if file.begins_as_json and not file.is_json_lines:
            data = file.data  # parsing what is large and something else would take its time
            if not any(key in data for key in (b"caption", b"sentences", b"text", b"images")):
                return None
        return recognise(file) or json_documents.KARPATHY
    except InputError as error:
        place.refused[file.name] = str(error)
        return None


def _without_copies(known, files):
    """Without what an archive holds twice, and without Flickr8k's captions as lemmas."""
    kept, seen = {}, set()
    for name in sorted(known, key=lambda name: (name.count("/"), name)):
        data = files[name].data
        plain = name.replace("lemma.", "")
        twice = data in seen and not _is_metadata(name)  # which belong to their own folders
        if twice or (plain != name and plain in known):
            continue
        seen.add(data)
        kept[name] = known[name]
    return kept


def _chosen(place, known, files):
    karpathys = [name for name, one in known.items() if one == json_documents.KARPATHY]
    if len(known) == 1 and karpathys:
        return Found(karpathy=files[karpathys[0]])
    alike = len({PurePosixPath(name).name for name in known}) == 1
    splits = {name: split_said_by(PurePosixPath(name), alike) for name in known}
    whole = len(known) > 1
    said = set(splits.values())
    if all(map(_is_metadata, known)):  # one to a folder, of photographs with names of their own
        unclear = None in said and len(said) > 1
    else:
        unclear = whole and (karpathys or None in said or len(said) < len(known))
    if unclear:
        several = ", ".join(sorted(known)[:4]) + (" …" if len(known) > 4 else "")
        raise InputError(
            f"{place.path} holds {len(known)} files with captions ({several}): choose one with "
            f"--captions {place.given_as(min(known))}."
        )
    parts = []
    for name, one in known.items():
        file = files[name]
        folder = name.rpartition("/")[0] if _is_metadata(name) else ""
        split = splits[name] if whole else None
        parts.append(Part(file.source, one, split, folder, file.encoding, file.name))
    lists = [file for name, file in files.items() if name not in known and is_split_list(file)]
    return Found(parts=parts, lists=_agreeing(lists))


def _agreeing(files):
    """The lists of splits among the files when there is one to a split, that of training too."""
    splits = [splits_in(file.stem) for file in files]
    if len(files) < 2 or {"train"} not in splits or len({*map(frozenset, splits)}) < len(files):
        return None
    try:
        return SplitLists(files)
    except InputError:
        return None
