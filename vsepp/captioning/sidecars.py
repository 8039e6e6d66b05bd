"""A photograph's sentences in a file beside it; the photograph itself is only read.

``txt``: ``photo.txt`` beside ``photo.jpg``, a sentence a line: what trains image generators, and
reads most data sets of pairs.

``xmp``: ``photo.jpg.xmp``, the photograph's whole name with ``.xmp`` behind it. That is what
darktable reads and writes ("<basename>.<extension>.xmp", user manual, "sidecar files"; it reads
``photo.xmp`` on import as well, and never writes it), what digiKam takes unless it is told to name
them otherwise, and what Immich prefers to ``photo.xmp``. Lightroom takes ``photo.xmp``, but for raw
files alone: with JPEG, TIFF, PSD and DNG its help says the metadata are written into the file. And
``photo.jpg`` and ``photo.png`` have one each.

What is there is not written over unless ``force`` says so. Of another program's XMP then only the
description changes (see :mod:`vsepp.captioning.xmp`); one that cannot be read is left.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Dict, Optional

from vsepp.captioning import xmp
from vsepp.captioning.rows import KeptSentence
from vsepp.system.atomic import write_bytes
from vsepp.system.counts import counted

KINDS = ("txt", "xmp")
_LARGEST = 32 * 2**20  # bytes; a longer XMP is none


class Sidecars:
    """The files beside photographs.

    Args:
        kind: one of ``KINDS``.
        origin: what the sentences depend on, that JSON can hold.
        force: write over those that are there.

    Attributes:
        written: files that are new or written over.
        merged: those of the written ones into which a description was put.
        there: XMP files of an earlier run like this one, which are left as they are.
        passed_over: ``{file: why}`` of what was left as it is for another reason.
    """

    def __init__(self, kind: str, origin: Mapping[str, Any], force: bool = False) -> None:
        self.kind, self.force = kind, force
        dump = json.dumps(dict(origin), sort_keys=True)
        self._origin = hashlib.sha256(dump.encode("ascii")).hexdigest()[:16]
        self._owners: Dict[str, str] = {}
        self.written = self.merged = self.there = 0
        self.passed_over: Dict[str, str] = {}

    def path(self, photograph: str) -> Path:
        """The file beside a photograph."""
        place = Path(photograph)
        if self.kind == "xmp":
            return place.with_name(f"{place.name}.xmp")
        return place.with_suffix(".txt")

    def wants(self, photograph: str) -> bool:
        """Whether a photograph's file is to be written. To be asked once for each photograph: what
        is not wanted is counted."""
        path = self.path(photograph)
        name = str(path)
        owner = self._owners.setdefault(os.path.normcase(name), photograph)
        if owner != photograph:
            self._pass_over(name, f"it is beside {Path(owner).name}, too", photograph)
        elif not os.path.lexists(path):
            return True
        elif os.path.islink(path) or not path.is_file():
            self._pass_over(name, "it is a link or a folder")
        else:
            return self._wants_over(path, photograph)
        return False

    def _wants_over(self, path: Path, photograph: str) -> bool:
        """The same of a file that is there."""
        name, known = str(path), None
        if self.kind == "xmp":
            try:
                known = self._known(path)
            except ValueError as error:
                self._pass_over(name, f"{error}, so that nothing can be put into it")
                return False
            is_older = path.stat().st_mtime_ns < os.stat(photograph).st_mtime_ns
            if known == self._origin and not is_older:
                self.there += 1
                return False
        if not self.force:
            self._pass_over(name, "it is there already")
        return self.force

    def _known(self, path: Path) -> Optional[str]:
        """The origin of an XMP whose description is as an earlier run wrote it, or None."""
        found = xmp.read(_content(path))
        origin, _, text = (found.mark or "").partition("-")
        return origin if origin and text == _digest(found.description or "") else None

    def write(self, photograph: str, answers: Sequence[KeptSentence]) -> None:
        """Write the file of a photograph that :meth:`wants` one.

        Raises:
            OSError: naming the file, when it cannot be written.
        """
        path = self.path(photograph)
        if os.path.lexists(path) and not self.force:  # since it was looked for
            self._pass_over(str(path), "it is there already")
            return
        sentences = [answer.sentence for answer in answers]
        if self.kind == "txt":
            data = "".join(f"{sentence}\n" for sentence in sentences).encode()
        else:
            text = xmp.clean("\n".join(sentences))
            mark = f"{self._origin}-{_digest(text)}"
            if path.exists():
                try:
                    data = xmp.merged(_content(path), text, mark)
                except ValueError as error:
                    self._pass_over(str(path), f"{error}, so that nothing can be put into it")
                    return
                self.merged += 1
            else:
                data = xmp.document(text, mark)
        write_bytes(path, data)
        self.written += 1

    def _pass_over(self, name: str, why: str, photograph: Optional[str] = None) -> None:
        key = name if photograph is None else f"{name} of {Path(photograph).name}"
        self.passed_over[key] = why

    def summary(self) -> str:
        """How many there are of each sort."""
        parts = [f"{counted(self.written, f'.{self.kind} file')} written"]
        if self.merged:
            parts.append(f"{self.merged} of them with a description put into what was there")
        if self.there:
            parts.append(f"{self.there} there from an earlier run")
        if self.passed_over:
            parts.append(f"{len(self.passed_over)} passed over")
        return ", ".join(parts)


def _content(path: Path) -> bytes:
    if path.stat().st_size > _LARGEST:
        raise ValueError(f"it has more than {_LARGEST >> 20} MB")
    return path.read_bytes()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
