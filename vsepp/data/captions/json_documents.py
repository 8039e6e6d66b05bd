"""Captions in one JSON document: COCO's, AI Challenger's, ALBEF's and BLIP's, Karpathy's.

Which it is says what it holds once it is loaded.
"""

from __future__ import annotations

from typing import Optional

from vsepp.data.captions.caption_file import CaptionFile
from vsepp.data.captions.columns import caption_columns, find_columns
from vsepp.data.captions.json_objects import rows_of
from vsepp.data.captions.rows import Recognised, Row
from vsepp.data.captions.split_names import split_called
from vsepp.data.image_suffixes import has_image_suffix
from vsepp.system.errors import InputError

KARPATHY = "a Karpathy JSON (its images have sentences with tokens)"


def is_karpathy(document: object) -> bool:
    """Whether a document is in Karpathy's format, good or not: it is handed on as it is."""
    if not isinstance(document, dict) or "images" not in document or "annotations" in document:
        return False
    images = document["images"]
    first = images[0] if isinstance(images, list) and images else None
    return not (isinstance(first, dict) and "file_name" in first and "filename" not in first)


def recognise(file: CaptionFile) -> Optional[Recognised]:
    """One of the formats but Karpathy's, or None."""
    document = file.document
    if isinstance(document, dict):
        for one in (_coco, _wrapped, _mapping, _columns):
            known = one(file, document)
            if known is not None:
                return known
        return None
    if isinstance(document, list):
        return _list(file, document)
    return None


def _first(values):
    """The first of a list when it is an object, else an empty one."""
    first = values[0] if isinstance(values, list) and values else None
    return first if isinstance(first, dict) else {}


# ---- COCO ----------------------------------------------------------------------------------


def _coco(file, document):
    images, annotations = document.get("images"), document.get("annotations")
    if not ("file_name" in _first(images) and "caption" in _first(annotations)):
        return None
    return Recognised(
        "COCO's captions (images with file_name, annotations with caption)",
        lambda remarks: _coco_rows(file.source, images, annotations, remarks),
        "annotation",
    )


def _coco_rows(source, images, annotations, remarks):
    """The images in the file's order, each with its captions in that of the annotations."""
    captions = {}
    for position, entry in enumerate(images, 1):
        name = entry.get("file_name") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not _is_id(entry.get("id")):
            raise InputError(
                f"{source}: image {position} has no 'file_name' or 'id', or a malformed one: "
                "fetch it again."
            )
        if entry["id"] in captions:
            raise InputError(
                f"{source}: image {position} has the id {entry['id']!r:.80}, which another has "
                "too: fetch it again."
            )
        captions[entry["id"]] = (name, [])
    for position, entry in enumerate(annotations, 1):
        text = entry.get("caption") if isinstance(entry, dict) else None
        if text is not None:  # Japanese words with blanks between them, where STAIR brings them
            text = entry.get("tokenized_caption", text)
        if not isinstance(text, str) or not _is_id(entry.get("image_id")):
            raise InputError(
                f"{source}: annotation {position} has no 'image_id' or 'caption', or a malformed "
                "one: fetch it again."
            )
        if entry["image_id"] not in captions:
            raise InputError(
                f"{source}: annotation {position} is of the image {entry['image_id']!r:.80}, which "
                "'images' does not list: fetch it again."
            )
        captions[entry["image_id"]][1].append((position, text))
    for name, texts in captions.values():
        if not texts:
            remarks.count("{} photograph(s) without any caption left out", name)
        for position, text in texts:
            yield Row(name, text, None, None, position)


def _is_id(value):
    return isinstance(value, (int, str)) and not isinstance(value, bool)


# ---- lists and mappings of objects ---------------------------------------------------------


def _list(file, entries):
    first = _first(entries)
    keys, columns = list(first), find_columns(first)
    if not {"filename", "caption"} <= set(columns):
        return None
    named = f"objects with {keys[columns['filename']]} and {keys[columns['caption']]}"
    if {"image_id", "caption", "url"} <= set(keys) and isinstance(first["caption"], list):
        name = f"AI Challenger's captions ({named}, a list)"
    elif {"image", "caption"} <= set(keys):
        name = f"a list as of ALBEF and BLIP ({named})"
    else:
        name = f"a JSON list ({named})"
    return Recognised(name, lambda remarks: _list_rows(file.source, entries, remarks), "entry")


def _list_rows(source, entries, remarks):
    for place, entry in enumerate(entries, 1):
        where = f"{source}, entry {place}"
        if not isinstance(entry, dict):
            raise InputError(f"{where} is not an object: write an image and its caption there.")
        yield from rows_of(entry, where, place, remarks)


def _wrapped(file, document):
    """A list of objects that is the only one in an object, or lists of them by split."""
    for key in ("data", "annotations", "captions", "images"):
        if {"filename", "caption"} <= set(find_columns(_first(document.get(key)))):
            return _list(file, document[key])
    splits = {key: value for key, value in document.items() if split_called(key)}
    if splits and len(splits) == len(document):
        known = [_list(file, value) for value in splits.values()]
        if all(known):
            return Recognised(
                f"{known[0].name}, by split",
                lambda remarks: _by_split(file, splits, remarks),
                "entry",
            )
    return None


def _by_split(file, splits, remarks):
    for split, entries in splits.items():
        for row in _list_rows(f"{file.source}: {split}", entries, remarks):
            yield row._replace(split=split)


def _mapping(file, document):
    """Captions by their photograph's name."""
    if not document or not all(map(has_image_suffix, document)):
        return None
    return Recognised(
        "captions by file name (a JSON object with names of photographs)",
        lambda remarks: _mapping_rows(file.source, document, remarks),
        "entry",
    )


def _mapping_rows(source, document, remarks):
    for place, (name, value) in enumerate(document.items(), 1):
        entry = value if isinstance(value, dict) else {"caption": value}
        yield from rows_of({"filename": name, **entry}, f"{source}, entry {place}", place, remarks)


def _columns(file, document):
    """Columns, each a list or an object by row, as pandas writes a table."""
    columns, keys = find_columns(document), list(document)
    if not {"filename", "caption"} <= set(columns):
        return None
    places = {*columns.values(), *caption_columns(document)}
    cells = {keys[place]: _cells(document[keys[place]]) for place in sorted(places)}
    if None in cells.values() or len(set(map(len, cells.values()))) != 1:
        return None
    rows = [dict(zip(cells, values)) for values in zip(*cells.values())]
    named = " and ".join(keys[columns[role]] for role in ("filename", "caption"))
    return Recognised(
        f"columns in JSON ({named})",
        lambda remarks: _list_rows(file.source, rows, remarks),
        "entry",
    )


def _cells(column):
    if isinstance(column, dict):
        return list(column.values())
    return column if isinstance(column, list) else None
