"""A caption beside each photograph: ``0001.txt`` with ``0001.jpg``.

img2dataset and programs that caption photographs leave folders so. A text of several lines is
several captions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePosixPath

from vsepp.data.captions.caption_file import CaptionFile
from vsepp.data.captions.columns import caption_columns, find_columns
from vsepp.data.captions.json_objects import rows_of
from vsepp.data.captions.rows import Recognised, Row
from vsepp.data.image_suffixes import has_image_suffix
from vsepp.system.errors import InputError

SUFFIXES = (".txt", ".caption")
OBJECTS = (".json",)
_TABLES = (".csv", ".tsv", ".jsonl")


def find_sidecars(names: Iterable[str], suffixes: Sequence[str] = SUFFIXES) -> dict[str, str]:
    """``{text file: its photograph}`` among names below one folder.

    ``0001.jpg.txt`` beside ``0001.jpg`` is one too.
    """
    photographs = {}
    for name in names:
        if has_image_suffix(name):
            photographs.setdefault(name, name)
            photographs.setdefault(str(PurePosixPath(name).with_suffix("")), name)
    found = {}
    for name in names:
        pure = PurePosixPath(name)
        if pure.suffix.lower() in suffixes:
            photograph = photographs.get(str(pure.with_suffix("")))
            if photograph is not None:
                found[name] = photograph
    return found


def recognised(
    sidecars: dict[str, str],
    names: Iterable[str],
    open_file: Callable[[str], CaptionFile],
    where: str = "beside",
) -> Recognised:
    """Captions of a folder with them.

    Args:
        sidecars: ``{text file: its photograph}``, as ``find_sidecars`` has them.
        names: all names in the folder.
        open_file: from one of the names to its ``CaptionFile``.
        where: how they stand to the photographs.
    """
    suffixes = sorted({PurePosixPath(name).suffix for name in sidecars})
    first = min(sidecars)
    what = "objects" if first.lower().endswith(OBJECTS) else "texts"
    return Recognised(
        f"{what} {where} the photographs ({first} with {sidecars[first]}, and so on)",
        lambda remarks: _rows(sidecars, names, open_file, suffixes, remarks),
    )


def _rows(sidecars, names, open_file, suffixes, remarks):
    captioned = set(sidecars.values())
    for name in names:
        if has_image_suffix(name) and name not in captioned:
            remarks.count("{} photograph(s) without any caption left out", name)
        elif PurePosixPath(name).suffix in suffixes and name not in sidecars:
            remarks.count("{} text(s) without a photograph beside passed over", name)
        elif PurePosixPath(name).suffix.lower() in _TABLES:
            remarks.count("{} table(s) not looked into, for each photograph has its own file", name)
    for name in names:  # in the order of an archive, which may have to be read forwards
        if name not in sidecars:
            continue
        file = open_file(name)
        if name.lower().endswith(OBJECTS):
            yield from _of_object(file, name, sidecars[name], remarks)
            continue
        if file.encoding:
            remarks.count(f"{{}} text(s) read as {file.encoding}, for they are not UTF-8", name)
        empty = True
        for number, line in file.lines():
            empty = False
            yield Row(sidecars[name], line, None, None, number)
        if empty:
            yield Row(sidecars[name], "", None, None, 1)


def has_caption(file: CaptionFile) -> bool:
    """Whether a file holds one JSON object with a caption, as img2dataset leaves them."""
    try:
        return isinstance(file.document, dict) and "caption" in find_columns(file.document)
    except InputError:
        return False


def _of_object(file, name, photograph, remarks):
    if not has_caption(file):
        remarks.count("{} object(s) without a caption passed over", name)
        return
    keys = list(file.document)
    captions = {keys[place]: file.document[keys[place]] for place in caption_columns(keys)}
    yield from rows_of({**captions, "filename": photograph}, name, 1, remarks)
