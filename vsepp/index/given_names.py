"""The names that come with codes made elsewhere: a file, or several, one name for each code."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Dict, List, NamedTuple

from vsepp.index.manifest import stays_inside
from vsepp.system.errors import InputError
from vsepp.system.json_files import read_json
from vsepp.system.text_files import decode, lines_of

# What tools call the column of the name, the likeliest first; in small letters or others.
COLUMNS = (
    "image_path",
    "path",
    "filepath",
    "file_path",
    "file_name",
    "filename",
    "file",
    "image",
    "name",
    "key",
    "url",
)
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_MEND = "give --names a .txt, .json, .jsonl, .csv, .tsv or .parquet file"


class GivenNames(NamedTuple):
    """Names of photographs.

    Attributes:
        names: as an index calls them, or absolute.
        addresses: of how many the beginning (``https://``) was left out.
    """

    names: List[str]
    addresses: int


def read_names(paths: Sequence[str]) -> GivenNames:
    """The names in files, one file after the other.

    Args:
        paths: ``.txt`` (a name a line), ``.json`` (a list), ``.jsonl``, ``.csv``, ``.tsv``, or
            ``.parquet``. An object or a table says the name under one of ``COLUMNS``.

    Raises:
        InputError: naming the file, when it cannot be read, or one of the names is empty, leads
            out of its folder, or stands there twice.
    """
    names: List[str] = []
    seen: Dict[str, str] = {}
    addresses = 0
    for path in paths:
        for number, name in enumerate(_read(path), 1):
            where = f"{path}, name {number}"
            short = _ADDRESS.sub("", name, count=1)
            addresses += short != name
            short = short.replace("\\", "/") if "/" not in short else short
            while short.startswith("./"):
                short = short[2:]
            if not stays_inside(short.lstrip("/")):
                raise InputError(
                    f"{where}: {name!r} is no name of a photograph, for it {_wrong(short)}: write "
                    "one such as sub/a.jpg."
                )
            if short in seen:
                raise InputError(
                    f"{where}: {name!r} was there already ({seen[short]}): name each photograph "
                    "once."
                )
            seen[short] = where
            names.append(short)
    return GivenNames(names, addresses)


def _wrong(name: str) -> str:
    """Why a name does not stay inside."""
    if "\0" in name:
        return "holds a zero byte"
    parts = name.lstrip("/").split("/")
    if "" in parts:
        return "has nothing between two /, or at an end"
    return "has . or .. for a part" if {".", ".."} & set(parts) else "holds \\ or :"


def _read(path: str) -> List[str]:
    readers: Dict[str, Callable[[str], List[Any]]] = {
        ".txt": _lines,
        ".json": _json,
        ".jsonl": _json_lines,
        ".csv": lambda path: _table(path, ","),
        ".tsv": lambda path: _table(path, "\t"),
        ".parquet": _parquet,
    }
    reader = readers.get(Path(path).suffix.lower())
    if reader is None:
        raise InputError(f"{path} is of no kind that names can be read from: {_MEND}.")
    names = [str(name) if type(name) is int else name for name in reader(path)]  # True is one, too
    for number, name in enumerate(names, 1):
        if not isinstance(name, str) or not name.strip():
            raise InputError(f"{path}, name {number} is empty or no text: give each code its name.")
    if not names:
        raise InputError(f"{path} holds no names: {_MEND}.")
    return names


def _text(path: str) -> str:
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path} does not exist: {_MEND}.") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder: {_MEND}.") from None
    text, _ = decode(data, path)
    return text


def _lines(path: str) -> List[Any]:
    lines = lines_of(_text(path))
    return lines[:-1] if not lines[-1] else lines


def _json(path: str) -> List[Any]:
    content = read_json(path, _MEND)
    if isinstance(content, dict):  # a table by columns, as pandas writes it
        column = content.get(_column(list(content), path))
        content = list(column.values()) if isinstance(column, dict) else column
    if not isinstance(content, list):
        raise InputError(f"{path} holds no list of names: {_MEND}.")
    return _of_objects(content, path)


def _json_lines(path: str) -> List[Any]:
    found = []
    for number, line in enumerate(_lines(path), 1):
        if not line.strip():
            continue
        try:
            found.append(json.loads(line))
        except (ValueError, RecursionError):
            raise InputError(f"{path}, line {number} is not JSON: {_MEND}.") from None
    return _of_objects(found, path)


def _of_objects(content: List[Any], path: str) -> List[Any]:
    if not content or not isinstance(content[0], dict):
        return content
    column = _column(list(content[0]), path)
    return [line.get(column) if isinstance(line, dict) else line for line in content]


def _table(path: str, separator: str) -> List[Any]:
    try:
        text = io.StringIO(_text(path), newline="")  # a quoted name keeps its line breaks
        rows = list(csv.reader(text, delimiter=separator))
    except csv.Error as error:
        raise InputError(f"{path} is no table ({error}): {_MEND}.") from None
    rows = [row for row in rows if row]
    header = rows[0] if rows else []
    if len(header) == 1 and _folded(header[0]) not in COLUMNS:  # names alone
        return [row[0] for row in rows]
    place = header.index(_column(header, path))
    return [row[place] if place < len(row) else "" for row in rows[1:]]


def _parquet(path: str) -> List[Any]:
    if not Path(path).exists():  # before pyarrow is asked for
        raise InputError(f"{path} does not exist: {_MEND}.")
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise InputError(f"{path} needs pyarrow: run `pip install pyarrow`.") from None
    try:
        columns = parquet.read_schema(path).names
        column = _column(columns, path)
        return list(parquet.read_table(path, columns=[column]).column(column).to_pylist())
    except (pyarrow.ArrowException, OSError):
        raise InputError(f"{path} is no parquet file, or not all of one: {_MEND}.") from None


def _folded(column: str) -> str:
    return column.strip().lower()


def _column(columns: Sequence[str], path: str) -> str:
    folded = {_folded(column): column for column in reversed(columns)}
    for name in COLUMNS:
        if name in folded:
            return name if name in columns else folded[name]
    raise InputError(
        f"{path} has none of the columns {', '.join(COLUMNS)}: call that of the names by one."
    )
