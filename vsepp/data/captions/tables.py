"""Tables whose first row names their columns, one caption to a row.

The separator is the one with which the first row names a photograph and a caption.
"""

from __future__ import annotations

import csv
import io
import re
from typing import Optional

from vsepp.data.captions.caption_file import CaptionFile
from vsepp.data.captions.columns import caption_columns, find_columns, name_column, plain
from vsepp.data.captions.fields import listed, unquoted
from vsepp.data.captions.rows import Recognised, Row
from vsepp.data.image_suffixes import has_image_suffix
from vsepp.system.errors import InputError

_SEPARATORS = {
    "|": "bars",
    "\t": "tabs",
    ";": "semicolons",
    "，": "full-width commas",
    ",": "commas",
}
_QUOTING = ",;"  # between these a program puts quotation marks around what holds a separator
_PUBLIC = {
    ",": {
        ("image", "caption"): "Kaggle's Flickr8k captions.txt",
        ("file_name", "text"): "Hugging Face's metadata.csv",
    },
    "|": {("image_name", "comment_number", "comment"): "Kaggle's Flickr30k results.csv"},
}
_NUMBERED_NAME = re.compile(r"(.*?[^#\s])#(?:[A-Za-z][\w-]*#)?(\d+)\s*")
_EXCELS_SEPARATOR = re.compile(r'\s*"?sep=.?"?\s*', re.IGNORECASE)  # a line before the header
_SWALLOWED_SEPARATOR = re.compile(r"\s*(\d+)\s+(\S.*)", re.DOTALL)


def recognise(file: CaptionFile) -> Optional[Recognised]:
    """A table, or None when the first row does not name both columns with any separator."""
    if file.begins_as_json or not file.sample:
        return None
    first = [line for _, line in file.sample if not _EXCELS_SEPARATOR.fullmatch(line)][:1]
    if not first:
        return None
    header, separator = max(
        ((split_header(first[0], one), one) for one in _SEPARATORS),
        key=lambda found: len(find_columns(found[0])),
    )
    columns = find_columns(header)
    if not {"filename", "caption"} <= set(columns):
        return None
    sample = [split_header(line, separator) for _, line in file.sample[1:]]
    columns["filename"] = name_column(header, sample)
    captions = caption_columns(header)
    names = tuple(plain(name) for name in header)
    public = _PUBLIC.get(separator, {}).get(names)
    called = ", ".join(header[place].strip() for place in captions)
    named = ",".join(names) if separator == "," else separator.join(header).replace("\t", " ")
    name = (
        f"a table like {public} (its header reads {named.strip()})"
        if public
        else f"a table (its header names the columns {header[columns['filename']].strip()} and "
        f"{called}, between {_SEPARATORS[separator]})"
    )
    return Recognised(
        name, lambda remarks: _Table(file, separator, columns, captions).rows(remarks)
    )


def split_header(line: str, separator: str) -> list[str]:
    """The names in a first row; a row that is no good CSV is split all the same."""
    if separator in _QUOTING:
        try:
            return next(csv.reader([line], delimiter=separator), [])
        except csv.Error:
            pass
    return line.split(separator)


def wrong_header(file: CaptionFile) -> str:
    """What is wrong with a first row that names one of the two columns, or neither."""
    number, line = file.sample[0]
    header = max((split_header(line, one) for one in _SEPARATORS), key=len)
    columns = find_columns(header)
    missing = [name for name in ("filename", "caption") if name not in columns]
    wrong = (
        f"{file.source}, line {number} names no column {' and no column '.join(missing)} "
        f"(it reads {line.strip()[:80]!r})"
    )
    if len(missing) == 1:
        what = "the photographs' names" if missing == ["filename"] else "the captions"
        return f"{wrong}: call the column that holds {what} {missing[0]}."
    return (
        f"{wrong}: begin the file with a row that names "
        "the columns filename, caption and, if there is one, split, with what stands between the "
        "fields of the other rows (a comma, a semicolon, a tab) between them."
    )


class _Table:
    def __init__(self, file, separator, columns, captions):
        self.file, self.separator, self.columns = file, separator, columns
        self.captions = captions  # positions of every column that holds one
        self.numbered = self._names_are_numbered()

    def rows(self, remarks):
        get = self.columns.get
        if self.numbered:
            remarks.say(
                "the file names end in #n, the number of the caption, which is no part of them"
            )
        for line, row in self._fields(remarks):
            filename, number = row[self.columns["filename"]], None
            if self.numbered and (match := _NUMBERED_NAME.fullmatch(filename)):
                filename, number = match[1], int(match[2][-9:])
            elif "number" in self.columns:
                digits = row[get("number")].strip()
                number = int(digits[-9:]) if digits.isascii() and digits.isdigit() else None
            split = row[get("split")] if "split" in self.columns else None
            for caption in [row[place] for place in self.captions]:
                texts = listed(caption)
                for one in [caption] if texts is None else texts or [""]:
                    yield Row(filename, one, split, number, line)

    def _names_are_numbered(self):
        """Whether every name in the sample ends in ``#n``: a token file with a header above."""
        place = self.columns["filename"]
        names = [
            fields[place]
            for _, line in self.file.sample[1:]
            if len(fields := line.split(self.separator)) > place
        ]
        return bool(names) and all(map(_NUMBERED_NAME.fullmatch, names))

    def _fields(self, remarks):
        """Yield (line number, fields), as many as the header has."""
        width = header = names = None
        for line, row in self._quoted() if self.separator in _QUOTING else self._unquoted():
            if not any(field.strip() for field in row):
                continue
            if width is None and _EXCELS_SEPARATOR.fullmatch(self.separator.join(row)):
                continue
            if width is None:
                width, header = len(row), self.separator.join(row).replace("\t", " ").strip()
                names = [field.strip().lower() for field in row]
                continue
            if (
                row[0].strip().lower() == names[0]
                and [field.strip().lower() for field in row[:width]] == names
            ):  # tables that were put one below the other
                remarks.count("{} row(s) that repeat the header left out", f"line {line}")
                continue
            while len(row) > width and not row[-1].strip():
                row = row[:-1]
            if len(row) > width and self.separator in "|，":
                row = self._joined(row, width)
            if len(row) == width - 1:
                row = self._repaired(row, line, remarks)
            if any("\n" in field for field in row):
                self._refuse_swallowed(row, line)
            if len(row) != width:
                raise InputError(
                    f"{self.file.source}, line {line} has {len(row)} fields, the header "
                    f"({header[:80]!r}) has {width}: {self._mend(len(row) < width)}."
                )
            yield line, row

    def _refuse_swallowed(self, row, line):
        """InputError where a lone quotation mark has made other rows part of a field."""
        for number, part in enumerate("".join(row).split("\n")[1:], line + 1):
            name, found, _ = part.partition(self.separator)
            if found and has_image_suffix(name.strip(' "')):
                raise InputError(
                    f"{self.file.source}, line {line} has a quotation mark that is closed behind "
                    f"line {number}, which begins with {name[:40]!r}: double it, or close it where "
                    "its caption ends."
                )

    def _mend(self, too_few):
        name = _SEPARATORS[self.separator][:-1]
        if self.separator in _QUOTING:
            if too_few:
                return f"put one {name} between two fields"
            return f'put captions with a {name} in them into "double quotes"'
        return f"put one {name} between two fields, and none and no line break into them"

    def _quoted(self):
        reader = csv.reader(
            io.StringIO(self.file.text, newline=""), delimiter=self.separator, strict=True
        )
        line = 1
        try:
            for row in reader:
                first, line = line, reader.line_num + 1
                yield first, row
        except csv.Error as error:
            if "field limit" in str(error):
                raise InputError(
                    f"{self.file.source}, line {line} has a field of more than "
                    f"{csv.field_size_limit():,} characters: close its quotation mark, or cut it."
                ) from None
            raise InputError(
                f"{self.file.source}, line {line} cannot be read ({error}): put captions with "
                'quotes in them into "double quotes" and double the inner ones.'
            ) from None

    def _unquoted(self):
        for number, line in self.file.lines():
            fields = line.split(self.separator)
            yield number, list(map(unquoted, fields)) if self.separator == "\t" else fields

    def _joined(self, row, width):
        """Fields of a caption that holds the separator itself, together again."""
        place, surplus = self.columns["caption"], len(row) - width
        caption = self.separator.join(row[place : place + surplus + 1])
        return [*row[:place], caption, *row[place + surplus + 1 :]]

    def _repaired(self, row, line, remarks):
        """A row that lacks the separator between its number and its caption."""
        place = self.columns.get("number")
        if place is not None and place + 1 == self.columns["caption"] and place < len(row):
            match = _SWALLOWED_SEPARATOR.fullmatch(row[place])
            if match:
                remarks.count(
                    "{} row(s) without the separator between number and caption repaired",
                    f"line {line}",
                )
                return [*row[:place], match[1], match[2], *row[place + 1 :]]
        return row
