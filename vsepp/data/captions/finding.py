"""Captions that lie in a folder or an archive, beside photographs or alone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Optional

from vsepp.data.captions import json_documents, sidecars
from vsepp.data.captions.assembling import Part
from vsepp.data.captions.caption_file import CaptionFile
from vsepp.data.captions.containers import Container
from vsepp.data.captions.recognition import recognise
from vsepp.data.captions.split_lists import SplitLists, is_split_list
from vsepp.data.captions.split_names import split_said_by, splits_in
from vsepp.data.image_suffixes import has_image_suffix
from vsepp.system.errors import InputError

CAPTION_SUFFIXES = (
    ".json",
    ".jsonl",
    ".csv",
    ".tsv",
    ".txt",
    ".token",
    ".caption",
    ".captions",
    ".dat",
)
_KARPATHY = re.compile(r"dataset_(.+)\.json")
_AT_MOST = 100  # files of one suffix that are looked into
_DEEPEST = 3  # folders below the first one


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


def find(
    container: Container, dataset: Optional[str] = None, names_alone: bool = False
) -> Optional[Found]:
    """Captions in a ``Container``, or None.

    A ``dataset_<dataset>.json`` anywhere in it comes first, then Hugging Face's metadata, then
    texts beside the photographs, then any file in a known format.

    Args:
        container: the folder or archive.
        dataset: its name; without one there must be no two such JSON.
        names_alone: whether texts count as captions of photographs of their names that lie
            elsewhere.

    Raises:
        InputError: when several files could be meant.
    """
    karpathy = _karpathy_in(container, dataset)
    if karpathy is not None:
        return Found(karpathy=karpathy)
    photographs = sum(map(has_image_suffix, container.names))
    beside = sidecars.find_sidecars(container.names)
    metadata = [name for name in container.names if _is_metadata(name)]
    if not metadata and beside and 2 * len(beside) >= photographs:
        return Found(parts=[_of_sidecars(container, beside)])
    if not metadata and not beside:
        objects = sidecars.find_sidecars(container.names, sidecars.OBJECTS)
        if objects and 2 * len(objects) >= photographs:
            if sidecars.has_caption(container.open(min(objects))):
                return Found(parts=[_of_sidecars(container, objects)])
    candidates = [
        name
        for name in metadata or container.names
        if name not in beside
        and PurePosixPath(name).suffix.lower() in CAPTION_SUFFIXES
        and name.count("/") <= _DEEPEST
        and not _KARPATHY.fullmatch(name.rpartition("/")[2])  # of another data set
    ]
    files = {name: container.open(name) for name in _few(candidates, container)}
    known = {name: one for name, file in files.items() if (one := _known(file, container))}
    known = _without_copies(known, files)
    if known:
        return _chosen(container, known, files)
    if beside:
        return Found(parts=[_of_sidecars(container, beside)])
    if names_alone and not photographs:
        texts = {
            name: str(PurePosixPath(name).with_suffix(""))
            for name in container.names
            if PurePosixPath(name).suffix.lower() in sidecars.SUFFIXES
        }
        if texts:
            return Found(parts=[_of_sidecars(container, texts, "named like")])
    return None


def _few(names, container):
    """Those of a suffix that few have: many such files are labels or logs, and take their time."""
    counts = Counter(PurePosixPath(name).suffix.lower() for name in names)
    for suffix, count in counts.items():
        if count > _AT_MOST:
            container.refused[f"*{suffix}"] = f"none of its {count} {suffix} files was looked into"
    return [name for name in names if counts[PurePosixPath(name).suffix.lower()] <= _AT_MOST]


def _karpathy_in(container, dataset):
    """The ``dataset_<dataset>.json`` anywhere in a container, or None."""
    found = {
        name: match[1]
        for name in container.names
        if (match := _KARPATHY.fullmatch(name.rpartition("/")[2])) and dataset in (None, match[1])
    }
    if not found:
        return None
    if len(set(found.values())) > 1:
        several = ", ".join(sorted(set(found.values())))
        raise InputError(
            f"{container.path} holds captions of {several}: choose one with --dataset."
        )
    return container.open(min(found, key=lambda name: (name.count("/"), name)))


def _is_metadata(name):
    return PurePosixPath(name).name.lower() in ("metadata.csv", "metadata.jsonl")


def _of_sidecars(container, texts, where="beside"):
    return Part(
        str(container.path), sidecars.recognised(texts, container.names, container.open, where)
    )


def _known(file, container):
    """The format, or the word Karpathy, or None when the file is something else."""
    try:
        if file.begins_as_json and not file.is_json_lines:
            data = file.data  # parsing what is large and something else would take its time
            if not any(key in data for key in (b"caption", b"sentences", b"text", b"images")):
                return None
        return recognise(file) or json_documents.KARPATHY
    except InputError as error:
        container.refused[file.name] = str(error)
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


def _chosen(container, known, files):
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
            f"{container.path} holds {len(known)} files with captions ({several}): choose one with "
            f"--captions {container.given_as(min(known))}."
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
