"""One JSON object to a line: our own table, Hugging Face's metadata.jsonl, Chinese-CLIP's texts."""

from __future__ import annotations

import json
from typing import Optional

from vsepp.data.captions.caption_file import CaptionFile
from vsepp.data.captions.columns import find_columns
from vsepp.data.captions.json_objects import rows_of
from vsepp.data.captions.rows import Recognised
from vsepp.system.errors import InputError


def recognise(file: CaptionFile) -> Optional[Recognised]:
    """Such a file, or None when its first line is no JSON of its own."""
    if not file.is_json_lines:
        return None
    first = json.loads(file.sample[0][1])
    keys = set(first) if isinstance(first, dict) else set()
    if {"text", "image_ids"} <= keys:
        name = "Chinese-CLIP's and MUGE's texts (lines with text and image_ids)"
    elif {"query_text", "item_ids"} <= keys:
        name = "MUGE's queries (lines with query_text and item_ids)"
    elif {"file_name", "text"} <= keys:
        name = "Hugging Face's metadata.jsonl (lines with file_name and text)"
    else:
        names = list(keys and first)
        columns = find_columns(names)
        if keys and not {"filename", "caption"} & set(columns):
            return None
        called = [
            names[columns[role]] if role in columns else role for role in ("filename", "caption")
        ]
        name = f"JSON lines (with {called[0]} and {called[1]})"
    return Recognised(name, lambda remarks: _rows(file, remarks))


def _rows(file, remarks):
    for number, line in file.lines():
        where = f"{file.source}, line {number}"
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"{where} is not JSON ({error}): write one object to a line."
            ) from None
        if not isinstance(entry, dict):
            raise InputError(
                f'{where} is not an object: write {{"filename": …, "caption": …}} on it.'
            )
        yield from rows_of(entry, where, number, remarks)
