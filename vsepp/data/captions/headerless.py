"""Tables without a first row of names: a photograph's file name, a separator, its caption."""

import csv

from vsepp.data.captions.columns import is_address
from vsepp.data.captions.names import has_image_suffix
from vsepp.data.captions.rows import Recognised, Row
from vsepp.data.captions.separated import unquoted
from vsepp.system.errors import InputError

_SEPARATORS = {"\t": "a tab", ",": "a comma", ";": "a semicolon", "|": "a bar", "，": "，"}


def recognise(file):
    """Such a table; None when its lines do not all begin with a photograph's name.

    Raises:
        InputError: when they do and more than a caption follows, with the row to add.
    """
    if file.begins_as_json or not file.sample:
        return None
    lines = [line for _, line in file.sample]
    for separator, name in _SEPARATORS.items():
        rows = [_fields(line, separator) for line in lines]
        if all(
            len(row) > 1 and has_image_suffix(row[0]) and not is_address(row[0]) for row in rows
        ):
            if all(len(row) == 2 for row in rows):
                if all(has_image_suffix(row[1]) for row in rows):
                    return None  # pairs of photographs
                return Recognised(
                    f"a table without a header (its lines are a file name, {name} and a caption)",
                    lambda remarks, separator=separator: _rows(file, separator),
                )
            others = ["caption"] + ["more"] * (max(map(len, rows)) - 2)
            header = separator.join(["filename", *others]).replace("\t", "<TAB>")
            raise InputError(
                f"{file.source} looks like a table without a header, with up to "
                f"{max(map(len, rows))} fields to a row: begin it with a row that names the "
                f"columns, such as `{header}`, and put captions that hold the separator into "
                '"double quotes".'
            )
    return None


def _fields(line, separator):
    if separator in ",;":
        try:
            return next(csv.reader([line], delimiter=separator, strict=True), [])
        except csv.Error:
            pass
    return [unquoted(field) for field in line.split(separator)]


def _rows(file, separator):
    for number, line in file.lines():
        row = _fields(line, separator)
        if len(row) != 2:
            raise InputError(
                f"{file.source}, line {number} has {len(row)} fields, the lines before it have 2, "
                "a file name and a caption: mend it, or begin the file with a row that names the "
                'columns, and put captions that hold the separator into "double quotes".'
            )
        yield Row(row[0], row[1], None, None, number)
