"""What an index of photographs consists of, and the manifest that says it.

An index is a folder::

    manifest.json               what there is, and which codes file belongs to it
    codes-<generation>.npy      float32 or float16 [n_photographs, size], in the manifest's order
    approximate-<generation>.faiss   on request
    journal.jsonl  journal.codes     encoded so far, while an indexer runs
    lock                        held by an indexer

The manifest of an index of several folders lists them, with their labels, in place of one.

The name of a generation follows from its content. A new one is written beside the old one and the
manifest renamed last, so whoever reads finds the old index or the new one, whole.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Dict, NamedTuple, Optional, Tuple

from vsepp.data.encoding import Encoding
from vsepp.index.choosing import Choice
from vsepp.index.folders import Folder, in_words
from vsepp.metrics.similarity import MEASURES
from vsepp.system.atomic import write_text
from vsepp.system.errors import InputError
from vsepp.system.fingerprints import list_fingerprint
from vsepp.system.invocation import command, quoted
from vsepp.system.json_files import read_json
from vsepp.system.records import wrong_field

FORMAT = "vsepp-photographs-1"
FORMAT_OF_SEVERAL = "vsepp-photographs-of-folders-1"
MANIFEST = "manifest.json"
DTYPES = ("float32", "float16")
MEND = "index the photographs again with --force"


class Photograph(NamedTuple):
    """One that is indexed; its row is its place in the list.

    Attributes:
        path: its name in the index: see :mod:`vsepp.index.folders`.
        size, mtime_ns: of the file when it was found.
        sha256: of its content, in hex.
    """

    path: str
    size: int
    mtime_ns: int
    sha256: str


@dataclass(frozen=True)
class CodeOrigin:
    """What the codes depend on, besides the photographs.

    Attributes:
        encoding: how a photograph is encoded; an index that does not say so obeys EXIF.
        embed_size: numbers per photograph.
        measure: ``cosine`` or ``order``.
        dtype: in which the codes are stored.
    """

    encoding: Encoding
    embed_size: int
    measure: str
    dtype: str

    def record(self) -> Dict[str, Any]:
        """What JSON keeps of it. A generation's name is a hash of it, so the order counts."""
        record = self.encoding.record(exif=True)
        return {
            "fingerprint": record.pop("fingerprint"),
            "embed_size": self.embed_size,
            "resize": record.pop("resize"),
            "image_size": record.pop("image_size"),
            "measure": self.measure,
            "dtype": self.dtype,
            **record,
        }

    @classmethod
    def from_record(cls, record: Dict[str, Any]) -> CodeOrigin:
        """The origin that :meth:`record` kept; ValueError saying what is wrong with it."""
        _check(record, {"embed_size": int, "measure": str, "dtype": str})
        rest = dict(record)
        size, measure, dtype = rest.pop("embed_size"), rest.pop("measure"), rest.pop("dtype")
        if dtype not in DTYPES or measure not in MEASURES:
            raise ValueError("its dtype or measure is unknown")
        if size < 1:
            raise ValueError("its embed_size is not positive")
        return cls(Encoding.from_record(rest, exif=True), size, measure, dtype)

    def without_flags(self) -> CodeOrigin:
        """See :meth:`vsepp.data.encoding.Encoding.without_flags`."""
        return replace(self, encoding=self.encoding.without_flags())


@dataclass(frozen=True)
class Manifest:
    """The content of ``manifest.json``.

    Attributes:
        folders: those of the photographs; labels are empty where there is one.
        checkpoint: where the checkpoint was, absolute.
        origin: :class:`CodeOrigin`.
        photographs: tuple of :class:`Photograph`, in the order of their paths.
        approximate: None, or ``{"sha256", "kind", "recall"}`` of the approximate index.
        choice: what is left out of the folders, and taken in.
    """

    folders: Tuple[Folder, ...]
    checkpoint: str
    origin: CodeOrigin
    photographs: tuple
    approximate: Optional[dict] = None
    choice: Choice = Choice()

    @property
    def folder(self) -> str:
        """The folder, or the folders in words."""
        return in_words(self.folders)

    @property
    def generation(self) -> str:
        """A name for the codes: what they were made of and how."""
        return list_fingerprint(
            [FORMAT, self.origin.record(), [photograph.sha256 for photograph in self.photographs]]
        )[:16]

    def codes_path(self, index: str | Path) -> Path:
        """The file of the codes in an index's folder."""
        return Path(index) / f"codes-{self.generation}.npy"

    def approximate_path(self, index: str | Path) -> Path:
        """The file of the approximate index in an index's folder."""
        return Path(index) / f"approximate-{self.generation}.faiss"


def read_manifest(index: str | Path) -> Manifest:
    """The :class:`Manifest` of an index.

    Raises:
        InputError: when there is none, it is of another version, or damaged.
    """
    path = Path(index) / MANIFEST
    if not path.exists():
        raise InputError(
            f"{index} is no index of photographs: make one with `{command('search')} index "
            f"FOLDER --out {quoted(index)}`."
        )
    content = read_json(path, MEND)
    if not isinstance(content, dict) or "format" not in content:
        raise InputError(f"{path} is not the manifest of an index: {MEND}.")
    if content["format"] not in (FORMAT, FORMAT_OF_SEVERAL):
        raise InputError(
            f"{path} has the format {content['format']!r}, this version reads "
            f"{FORMAT!r}: update the package, or {MEND}."
        )
    try:
        manifest = parse(content)
    except ValueError as error:
        raise InputError(f"{path} is damaged ({error}): {MEND}.") from None
    if content.get("generation") != manifest.generation:
        raise InputError(
            f"{path} is damaged (its generation is not that of its photographs): {MEND}."
        )
    return manifest


def parse(content: dict[str, Any]) -> Manifest:
    """The manifest that :func:`record` kept; ValueError saying what is wrong with it."""
    _check(content, {"encoding": dict, "checkpoint": str, "photographs": list})
    folders = _folders(content)
    origin = CodeOrigin.from_record(content["encoding"])
    photographs = tuple(map(_photograph_inside, content["photographs"]))
    paths = [photograph.path for photograph in photographs]
    if len(set(paths)) < len(paths):
        raise ValueError("a photograph is listed twice")
    starts = tuple(f"{folder.label}/" for folder in folders)
    if len(folders) > 1 and not all(path.startswith(starts) for path in paths):
        raise ValueError("a photograph lies in none of its folders")
    if "approximate" not in content:
        raise ValueError("its 'approximate' is missing")
    approximate = content["approximate"]
    if approximate is not None:
        _check(approximate, {"sha256": str, "kind": str, "recall": float})
    choice = Choice(_patterns(content, "exclude"), _patterns(content, "include"))
    return Manifest(folders, content["checkpoint"], origin, photographs, approximate, choice)


def _folders(content: dict[str, Any]) -> Tuple[Folder, ...]:
    if content["format"] == FORMAT:
        _check(content, {"folder": str})
        return (Folder("", content["folder"]),)
    _check(content, {"folders": list})
    lines = content["folders"]
    if len(lines) < 2 or not all(_is_texts(line) and len(line) == 2 for line in lines):
        raise ValueError("its 'folders' is malformed")
    labels = [label for label, _ in lines]
    if len(set(labels)) < len(labels) or any("/" in label or not label for label in labels):
        raise ValueError("its 'folders' is malformed")
    return tuple(Folder(label, path) for label, path in lines)


def _patterns(content: dict[str, Any], key: str) -> Tuple[str, ...]:
    value = content.get(key, [])
    if not _is_texts(value):
        raise ValueError(f"its {key!r} is malformed")
    return tuple(value)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _check(record: Any, types: Mapping[str, type]) -> None:
    wrong = wrong_field(record, types)
    if wrong:
        raise ValueError(f"its {wrong!r} is missing or malformed")


def photograph_of(line: Any) -> Photograph:
    """The photograph that a line of JSON holds, or ValueError."""
    if not isinstance(line, list) or [type(value) for value in line] != [str, int, int, str]:
        raise ValueError("a photograph is not [path, size, mtime_ns, sha256]")
    return Photograph(*line)


def _photograph_inside(line: Any) -> Photograph:
    photograph = photograph_of(line)
    if not stays_inside(photograph.path):
        raise ValueError(f"{photograph.path!r} does not lie below the folder")
    return photograph


def stays_inside(path: str) -> bool:
    """Whether a relative path with ``/`` between its parts names something below its folder."""
    parts = path.split("/")
    on_windows = os.name == "nt" and ("\\" in path or ":" in path)
    return not on_windows and "\0" not in path and not {"", ".", ".."} & set(parts)


def record(manifest: Manifest) -> Dict[str, Any]:
    """What JSON keeps of a manifest, without its photographs."""
    several = len(manifest.folders) > 1
    content: Dict[str, Any] = {
        "format": FORMAT_OF_SEVERAL if several else FORMAT,
        "generation": manifest.generation,
        **({"folders": manifest.folders} if several else {"folder": manifest.folders[0].path}),
        "checkpoint": manifest.checkpoint,
        "encoding": manifest.origin.record(),
        "approximate": manifest.approximate,
    }
    for key, patterns in (
        ("exclude", manifest.choice.exclude),
        ("include", manifest.choice.include),
    ):
        if patterns:
            content[key] = patterns
    return content


def write_manifest(index: str | Path, manifest: Manifest) -> None:
    """Let ``manifest`` be the index from now on."""
    lines = ",\n".join(json.dumps(photograph) for photograph in manifest.photographs)
    # ASCII: a file name may hold bytes that are no UTF-8.
    text = json.dumps(record(manifest))[:-1] + ', "photographs": [\n' + lines + "\n]}\n"
    write_text(Path(index) / MANIFEST, text)
