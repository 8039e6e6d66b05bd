"""Tables without a first row of names: a photograph's file name, a separator, its caption."""

from __future__ import annotations

import csv
from typing import Optional

from vsepp.data.captions.caption_file import CaptionFile
from vsepp.data.captions.columns import is_address
from vsepp.data.captions.fields import unquoted
from vsepp.data.captions.rows import Recognised, Row
from vsepp.data.captions.split_names import split_called
from vsepp.data.image_suffixes import has_image_suffix
from vsepp.system.errors import InputError

_SEPARATORS = {
    "\t": "a tab",
    ",": "a comma",
    ";": "a semicolon",
    "|": "a bar",
    "，": "a full-width comma",
    " ": "a blank",
}


def recognise(file: CaptionFile) -> Optional[Recognised]:
    """Such a table; None when its lines do not all begin with a photograph's name.

    A separator within captions does not matter where some lines hold one alone.

    Raises:
        InputError: when more than a caption follows in every line, with the row to add.
    """
    if file.begins_as_json or not file.sample:
        return None
    lines = [line for _, line in file.sample]
    for separator, name in _SEPARATORS.items():
        rows = [_fields(line, separator) for line in lines]
        if not all(len(row) > 1 and _is_photograph(row[0]) for row in rows):
            continue
        if all(_is_photograph(row[1].partition("#")[0]) for row in rows):
            return None  # pairs of photographs
        widths = set(map(len, rows))
        if 2 not in widths and all(any(one[:1] == " " for one in row[2:]) for row in rows):
            raise InputError(
                f"{file.source} looks like a table without a header whose captions hold {name}: "
                'put the captions into "double quotes".'
            )
        if 2 not in widths:
            raise InputError(
                f"{file.source} looks like a table without a header, with {max(widths)} fields to "
                f"a row: begin it with a row that names the columns, such as "
                f"`{_header(rows, separator)}`."
            )
        return Recognised(
            f"a table without a header (its lines are a file name, {name} and a caption)",
            lambda remarks, separator=separator: _rows(file, separator),
        )
    return None


def _is_photograph(name):
    return has_image_suffix(name) and not is_address(name)


def _header(rows, separator):
    """What the first row would be: the caption is the longest of the others."""
    width = max(map(len, rows))
    lengths = [sum(len(row[place]) for row in rows if place < len(row)) for place in range(width)]
    longest = max(range(1, width), key=lengths.__getitem__)
    names = ["filename", *(f"other{place}" for place in range(1, width))]
    names[longest] = "caption"
    if longest != width - 1 and all(split_called(row[-1]) for row in rows):
        names[-1] = "split"
    return separator.join(names).replace("\t", "<TAB>")


def _fields(line, separator):
    if separator == " ":
        return line.split(None, 1)
    if separator in ",;":
        try:
            return next(csv.reader([line], delimiter=separator, strict=True), [])
        except csv.Error:
            pass
    return [unquoted(field) for field in line.split(separator)]


def _rows(file, separator):
    for number, line in file.lines():
        name, *caption = _fields(line, separator)
        if not caption:
            raise InputError(
                f"{file.source}, line {number} has no caption after the file name, as the lines "
                "before it have: mend it."
            )
        yield Row(name, separator.join(caption), None, None, number)
