"""Sentences of photographs as a file: CSV for spreadsheets and pandas, or lines of JSON.

One row for each photograph: its name, its sentence and the logarithm of its probability, and the
similarity by which a retrieval model chose it. Where a photograph has several sentences, a CSV has
more columns (``caption_2``, …) and a line of JSON has lists. ``tools/prepare.py --captions`` reads
both.

Beside ``captions.csv`` stands ``captions.csv.journal`` (see :mod:`vsepp.captioning.journal`), by
which the next run goes on. Without it the table is somebody else's, and so it is after it was
edited: it is not written over unless that is wanted.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Dict, List, Optional

from vsepp.captioning.journal import Journal, differences
from vsepp.captioning.rows import Row
from vsepp.index.finding import PhotographFile
from vsepp.report.label_tables import table_format
from vsepp.system.atomic import check_writable, write_bytes
from vsepp.system.errors import InputError
from vsepp.system.locks import only_one
from vsepp.system.printable import is_text


class Table:
    """A table that is being made; a context manager.

    Args:
        path: the file; its suffix says the format.
        origin: what the sentences depend on, by the names that a user has for it.
        captions: sentences of each photograph, at most.
        force: write over a table of others, and let one go over to another origin.

    Raises:
        InputError: on entry, when the file is of another origin, somebody else's, or being written
            by another process.
    """

    def __init__(
        self, path: str | Path, origin: Mapping[str, Any], captions: int, force: bool = False
    ) -> None:
        self.path = Path(path)
        self._format = table_format(path)
        self._origin, self._captions, self._force = origin, captions, force
        self._open = ExitStack()

    def __enter__(self) -> Table:
        check_writable(self.path)
        taken = f"another process is writing {self.path}: wait for its end, or give another --out."
        with ExitStack() as stack:
            stack.enter_context(only_one(f"{self.path}.lock", taken))
            self._journal = Journal(
                self.path.with_name(f"{self.path.name}.journal"), self._origin, self._force
            )
            stack.callback(self._journal.close)
            self._check()
            self._open = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self._open.close()

    def _check(self) -> None:
        other = self._journal.other
        if other is not None:
            said = "; ".join(differences(other, self._origin)) or "another version"
            raise InputError(
                f"{self.path} was begun with {said}: give that again, another --out, or --force to "
                "begin it anew."
            )
        if not self.path.exists():
            return
        there = _sha256(self.path.read_bytes())
        if there in self._journal.tables:
            return
        if not self._force:
            raise InputError(
                f"{self.path} was not written by this command, or was changed since: give another "
                "--out, or --force to write over it."
            )
        self._journal.allow(there)  # so that a run that is interrupted goes on without --force

    def row(self, photograph: PhotographFile) -> Optional[Row]:
        """The row of a photograph that has not changed since, or None."""
        row = self._journal.rows.get(photograph.path)
        return row if row and row[:3] == tuple(photograph) else None

    def add(self, row: Row) -> None:
        """Keep a row; it is safe when this returns."""
        self._journal.add(row)

    def write(self, photographs: Iterable[PhotographFile]) -> List[str]:
        """Write the table of those photographs that have a row, in this order; returns their
        names."""
        found = map(self.row, photographs)
        rows = [row for row in found if row is not None]
        data = _ENCODERS[self._format](rows, self._captions)
        if not self.path.exists() or self.path.read_bytes() != data:
            self._journal.allow(_sha256(data))  # before the table is there: no crash parts them
            write_bytes(self.path, data)
        return [row.file for row in rows]


def as_csv(rows: Sequence[Row], captions: int) -> bytes:
    """A table with the columns ``file``, ``caption``, ``log_probability`` and, where sentences
    were chosen by it, ``similarity``; with ``_2``, ``_3``, … for further sentences. UTF-8 without
    a mark; of a file's name that is no text, what is none is escaped."""
    ranked = _are_ranked(rows)
    names = ["caption", "log_probability", *(["similarity"] if ranked else [])]
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    ends = ["", *(f"_{place}" for place in range(2, captions + 1))]
    table.writerow(["file", *(f"{name}{end}" for end in ends for name in names)])
    for row in rows:
        cells = [value for answer in row.answers for value in answer[: len(names)]]
        cells += [""] * (captions - len(row.answers)) * len(names)
        table.writerow([row.file, *cells])
    return text.getvalue().encode("utf-8", "backslashreplace")


def as_lines(rows: Sequence[Row], captions: int) -> bytes:
    """A line of JSON for each photograph: ``{"file", "caption", "log_probability"}`` and, where
    sentences were chosen by it, ``similarity``; where several were asked for ``{"file",
    "captions": […], "log_probabilities": […]}``, and ``similarities``."""
    ranked = _are_ranked(rows)
    one = ["caption", "log_probability", *(["similarity"] if ranked else [])]
    many = ["captions", "log_probabilities", *(["similarities"] if ranked else [])]
    lines = []
    for row in rows:
        line: Dict[str, Any] = {"file": row.file}
        if captions == 1:
            line.update(zip(one, row.answers[0]))
        else:
            line.update(zip(many, map(list, zip(*row.answers))))
        lines.append(json.dumps(line, ensure_ascii=not is_text(row.file)) + "\n")
    return "".join(lines).encode("utf-8")


_ENCODERS = {".csv": as_csv, ".jsonl": as_lines}


def _are_ranked(rows: Sequence[Row]) -> bool:
    return bool(rows) and rows[0].answers[0].similarity is not None


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
