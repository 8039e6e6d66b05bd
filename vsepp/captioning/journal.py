"""Which photographs have their sentences, kept so that no run computes them again.

The first line of a journal says what the sentences depend on; then there is one line for each
photograph, of which the last counts, and one for each table that is written of them. Lines are on
the disk before the next photograph is begun; what a crash leaves half written is cut off.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Dict, Optional, Set

from vsepp.captioning.rows import Row, row_of
from vsepp.system.atomic import naming, sync_folder, write_all

FORMAT = "vsepp-captions-1"


class Journal:
    """Opens a journal, or begins one.

    Args:
        path: the file.
        origin: what the sentences depend on, that JSON can hold.
        begin_anew: whether one of another origin is left alone (False) or begun anew.

    Attributes:
        other: None, or the origin of the journal that is there, where it is another; then there
            is nothing in this one and nothing may be added.
        rows: ``{file: Row}``.
        tables: SHA-256, in hex, of the tables that were written of it, or may be written over.
    """

    def __init__(self, path: Path, origin: Mapping[str, Any], begin_anew: bool = False) -> None:
        self.path = path
        self.rows: Dict[str, Row] = {}
        self.tables: Set[str] = set()
        first = _line({"format": FORMAT, "origin": dict(origin)})
        there = self.path.read_bytes() if self.path.exists() else b""
        self.other = None if begin_anew else _other(there, first)
        end = self._read(there, first) if self.other is None else 0
        self._file = None
        if self.other is not None:
            return
        with naming(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(path, "r+b" if end else "wb", buffering=0)
        self._file.truncate(end)
        self._file.seek(end)
        if not end:
            self._write(first)
            sync_folder(path.parent)

    def _read(self, there: bytes, first: bytes) -> int:
        """Take in what a file holds; returns where its last whole line ends, 0 of another one."""
        if not there.startswith(first):
            return 0
        end = len(first)
        for line in there[end:].splitlines(keepends=True):
            value = _parsed(line)
            if isinstance(value, dict) and isinstance(value.get("table"), str):
                self.tables.add(value["table"])
            else:
                row = row_of(value)
                if row is None:
                    break
                self.rows[row.file] = row
            end += len(line)
        return end

    def add(self, row: Row) -> None:
        """Keep a row."""
        self._write(row.line())
        self.rows[row.file] = row

    def allow(self, table: str) -> None:
        """Keep that a table of this SHA-256 may be written over."""
        if table not in self.tables:
            self._write(_line({"table": table}))
            self.tables.add(table)

    def _write(self, line: bytes) -> None:
        assert self._file is not None  # for types  # nosec B101
        with naming(self.path):
            write_all(self._file, line)
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Let go of the file, which goes when there is nothing in it."""
        if self._file is not None:
            self._file.close()
            if not (self.rows or self.tables):
                self.path.unlink()


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """In which options two origins differ, in words."""
    for key in dict.fromkeys([*now, *before]):
        if before.get(key) != now.get(key):
            yield f"{key} {_said(before.get(key))}, not {_said(now.get(key))}"


def _said(value: Any) -> str:
    if isinstance(value, list):
        return " and ".join(map(str, value))
    return "none" if value is None else str(value)


def _line(value: Any) -> bytes:
    return json.dumps(value).encode("ascii") + b"\n"


def _parsed(line: bytes) -> Any:
    """What a line holds, or None when it is not whole."""
    try:
        return json.loads(line) if line.endswith(b"\n") else None
    except (ValueError, RecursionError):
        return None


def _other(there: bytes, first: bytes) -> Optional[Dict[str, Any]]:
    """The origin that a file's first line names, where it is another and a line follows it."""
    lines = there.splitlines(keepends=True)
    if there.startswith(first) or len(lines) < 2:  # not even begun
        return None
    value = _parsed(lines[0])
    origin = value.get("origin") if isinstance(value, dict) else None
    return origin if isinstance(origin, dict) else {}
