"""Captions as people have them: Karpathy's JSON, or a table with one caption to a row.

A table is CSV, TSV or JSON lines with ``filename`` and ``caption``, and perhaps
``split``. It becomes the dictionary that Karpathy's JSON holds.
"""

import csv
import hashlib
import io
import json
from pathlib import Path, PurePosixPath

from vsepp.data.karpathy import SPLITS, cut_captions, image_name
from vsepp.system.errors import InputError
from vsepp.text.tokens import AUTO

CAPTION_SUFFIXES = (".json", ".csv", ".tsv", ".jsonl")


def is_karpathy(path):
    """Whether captions in ``path`` are one JSON document rather than a table."""
    return Path(path).suffix.lower() == ".json"


def read_captions(path, seed=0, tokenizer=AUTO):
    """Captions in Karpathy's format, from his JSON or from a table.

    Images keep the order of their first row, captions that of their rows. Without a
    ``split`` column each image is dealt to train, val or test, 80/10/10, by a hash of
    seed and file name: neither the order of the rows nor the machine matters.

    Args:
        path: ``.json`` (handed on as it is, unchecked), ``.csv``, ``.tsv`` or ``.jsonl``,
            UTF-8, with or without a byte order mark. Columns other than ``filename``,
            ``caption`` and ``split`` are ignored.
        seed: decides the split where the table has none.
        tokenizer: what cuts the captions of a table, see ``vsepp.text.tokens``.

    Returns:
        dict: ``{"dataset": stem of the file, "images": […], "tokenizer": its name}``; for a
        JSON, what it holds.

    Raises:
        InputError: naming file and line, when something cannot be used.
    """
    path = Path(path)
    text = _read_text(path)
    kind = path.suffix.lower()
    if kind == ".json":
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path} is not JSON ({error}): fetch it again.") from None
    rows = _json_lines(path, text) if kind == ".jsonl" else _separated(path, text, kind)
    return cut_captions({"dataset": path.stem, "images": _images(path, rows, seed)}, tokenizer)


def _read_text(path):
    if path.suffix.lower() not in CAPTION_SUFFIXES:
        raise InputError(
            f"{path}: captions are read from .json, .csv, .tsv or .jsonl; "
            "give the file the suffix of what it holds."
        )
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path} does not exist: check --captions.") from None
    except (IsADirectoryError, PermissionError):  # Windows says the latter of a folder
        raise InputError(f"{path} cannot be read as a file: check --captions.") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}, line {line} is not UTF-8: save the file as UTF-8.") from None


def _separated(path, text, kind):
    """Yield (line number, {column: text}) of a CSV or TSV."""
    if kind == ".csv":
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    else:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter="\t", quoting=csv.QUOTE_NONE)
    header, line = None, 1
    try:
        for row in reader:
            first, line = line, reader.line_num + 1
            if not any(field.strip() for field in row):
                continue
            if header is None:
                header = [name.strip().lower() for name in row]
                missing = [name for name in ("filename", "caption") if name not in header]
                if missing:
                    raise InputError(
                        f"{path}, line {first} names no column {' and no column '.join(missing)} "
                        f"(it reads {', '.join(header)!r}): begin the file with a row that names "
                        "the columns filename, caption and, if there is one, split."
                    )
                continue
            if len(row) != len(header):
                raise InputError(
                    f"{path}, line {first} has {len(row)} fields, the header has {len(header)}: "
                    + (
                        'put captions with a comma in them into "double quotes".'
                        if kind == ".csv"
                        else "put one tab between two fields and none into them."
                    )
                )
            if kind == ".tsv":
                row = [_unquoted(field) for field in row]
            yield first, dict(zip(header, row))
    except csv.Error as error:
        raise InputError(
            f"{path}, line {line} cannot be read ({error}): put captions with quotes in them into "
            '"double quotes" and double the inner ones.'
        ) from None
    if header is None:
        raise InputError(f"{path} is empty: it must begin with the columns filename and caption.")


def _unquoted(field):
    # TSV has no quoting of its own, but spreadsheets add it; a lone quote is just a quote.
    inner = field[1:-1].replace('""', "")
    if len(field) > 1 and field[0] == field[-1] == '"' and '"' not in inner:
        return field[1:-1].replace('""', '"')
    return field


def _json_lines(path, text):
    """Yield (line number, object) of a JSON-lines file."""
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"{path}, line {number} is not JSON ({error}): write one object to a line."
            ) from None
        if not isinstance(row, dict):
            raise InputError(
                f"{path}, line {number} is not an object: write "
                '{"filename": …, "caption": …} on it.'
            )
        for name in ("filename", "caption"):
            if name not in row:
                raise InputError(f"{path}, line {number} has no {name}: add it.")
        for name in ("filename", "caption", "split"):
            if not isinstance(row.get(name, ""), str):
                raise InputError(f"{path}, line {number}: {name} must be text, not {row[name]!r}.")
        yield number, row


def _images(path, rows, seed):
    images, sentences, with_split = {}, 0, None
    for line, row in rows:
        filename = row["filename"].strip()
        caption, split = row["caption"].strip(), row.get("split")
        if not filename:
            raise InputError(f"{path}, line {line} has an empty filename: name the image.")
        if not caption:
            raise InputError(
                f"{path}, line {line} has an empty caption: write one or drop the line."
            )
        if with_split not in (None, split is not None):
            raise InputError(
                f"{path}, line {line}: either every line has a split or none has; mend this one."
            )
        with_split = split is not None
        if with_split and split.strip() not in SPLITS:
            raise InputError(
                f"{path}, line {line}: there is no split {split.strip()!r}; "
                f"write one of {', '.join(SPLITS)}."
            )
        try:
            location = PurePosixPath(image_name(filename))
        except InputError as error:
            raise InputError(f"{path}, line {line}: {error}") from None
        image = images.setdefault(
            str(location),
            {
                **({"filepath": str(location.parent)} if len(location.parts) > 1 else {}),
                "filename": location.name,
                "imgid": len(images),
                "split": split.strip() if with_split else None,
                "sentids": [],
                "sentences": [],
            },
        )
        if with_split and image["split"] != split.strip():
            raise InputError(
                f"{path}, line {line} puts {filename} into {split.strip()}, an "
                f"earlier line into {image['split']}: give an image one split."
            )
        image["sentids"].append(sentences)
        image["sentences"].append({"raw": caption, "imgid": image["imgid"], "sentid": sentences})
        sentences += 1
    if not images:
        raise InputError(f"{path} holds no captions: write one to a row below the column names.")
    if not with_split:
        _deal(images, seed)
    return list(images.values())


def _deal(images, seed):
    """Give a tenth of the images to val, a tenth to test, the rest to train."""
    names = sorted(images, key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).digest())
    tenth = max(1, round(len(names) / 10)) if len(names) > 2 else 0
    for place, name in enumerate(names):
        images[name]["split"] = "val" if place < tenth else "test" if place < 2 * tenth else "train"
