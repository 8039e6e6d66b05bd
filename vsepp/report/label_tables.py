"""Probabilities of labels as a file: CSV for spreadsheets and pandas, or lines of JSON."""

import csv
import io
import json
from pathlib import Path

from vsepp.system.atomic import write_bytes
from vsepp.system.errors import InputError
from vsepp.system.printable import is_text

FORMATS = (".csv", ".jsonl")


def table_format(path):
    """The suffix of ``path``, in small letters.

    Raises:
        InputError: when it is none of ``FORMATS``.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise InputError(f"{path} must end in {' or '.join(FORMATS)}: give it such a name.")
    return suffix


def write_labels(path, labels, answers):
    """Write the probabilities of photographs.

    A CSV has the columns ``path`` and one for each label; a line of JSON is
    ``{"path": …, "probabilities": {label: …}}``. Both are UTF-8 without a mark at the beginning.
    A file's name that is no text is written with escapes, which Python's JSON reads back.

    Args:
        path: the file; its suffix is one of ``FORMATS``.
        labels: list of str.
        answers: list of (file's name, probabilities in the order of the labels).

    Returns:
        int: how many names were written with escapes.
    """
    if table_format(path) == ".csv":
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(["path", *labels])
        table.writerows([name, *map(float, odds)] for name, odds in answers)
        data = text.getvalue().encode("utf-8", "backslashreplace")
    else:
        data = "".join(
            json.dumps(
                {"path": name, "probabilities": dict(zip(labels, map(float, odds)))},
                ensure_ascii=not is_text(name),
            )
            + "\n"
            for name, odds in answers
        ).encode("utf-8")
    write_bytes(path, data)
    return sum(not is_text(name) for name, _ in answers)
