"""What an indexer has encoded so far, kept so that no interruption loses it.

``journal.jsonl`` begins with a line that says what the codes depend on and then has one line per
photograph; ``journal.codes`` holds their float32 codes in the same order. The codes are flushed
to the disk before the lines, so a line that is there whole has its code.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import replace
from io import FileIO
from pathlib import Path

import numpy as np

from vsepp.index.manifest import FORMAT, CodeOrigin, Photograph, photograph_of
from vsepp.system.atomic import naming, sync_folder, write_all
from vsepp.system.signals import held_back


class Journal:
    """Opens the journal of an index, or begins one; what does not fit is begun anew.

    Args:
        index: the index's folder.
        origin: :class:`CodeOrigin` of the codes, whose dtype is float32 here.

    Attributes:
        photographs: list of :class:`Photograph` that are safe on the disk.
        recovered: how many of them an earlier run has left.
    """

    def __init__(self, index: str | Path, origin: CodeOrigin) -> None:
        self._lines_path = Path(index) / "journal.jsonl"
        self._codes_path = Path(index) / "journal.codes"
        self._row_bytes = 4 * origin.embed_size
        self._embed_size = origin.embed_size
        self._waiting: list[
            tuple[Photograph, np.ndarray]
        ] = []  # pairs of a Photograph and its code, not on the disk yet
        first, older = _first_line(origin), _first_line(origin.without_flags())
        self.photographs, end = self._read(first, older)
        self.recovered = len(self.photographs)
        with naming(self._lines_path):
            self._lines = open(self._lines_path, "r+b" if end else "wb", buffering=0)
        with naming(self._codes_path):
            self._codes = open(self._codes_path, "r+b" if end else "wb", buffering=0)
        # Cut off what a crash has left half written.
        self._cut(self._lines, end)
        self._cut(self._codes, len(self.photographs) * self._row_bytes)
        if not end:
            self._write(self._lines, self._lines_path, first)
        sync_folder(index)

    def _read(self, *firsts: bytes) -> tuple[list[Photograph], int]:
        """(photographs, where their last line ends); ([], 0) of a journal of something else."""
        try:
            lines = self._lines_path.read_bytes()
            room = self._codes_path.stat().st_size // self._row_bytes
        except OSError:
            return [], 0
        first = next((first for first in firsts if lines.startswith(first)), None)
        if first is None:
            return [], 0
        photographs, end = [], len(first)
        for line in lines[end:].splitlines(keepends=True)[:room]:
            photograph = _parse(line)
            if photograph is None:
                break
            photographs.append(photograph)
            end += len(line)
        return photographs, end

    @staticmethod
    def _cut(file: FileIO, size: int) -> None:
        file.truncate(size)
        file.seek(size)

    @staticmethod
    def _write(file: FileIO, path: Path, data: bytes) -> None:
        with naming(path):
            write_all(file, data)
            os.fsync(file.fileno())

    def codes(self) -> np.ndarray:
        """float32 ``[len(photographs), embed_size]``, memory-mapped."""
        if not self.photographs:
            return np.empty((0, self._embed_size), np.float32)
        return np.memmap(
            self._codes_path, "<f4", "r", shape=(len(self.photographs), self._embed_size)
        )

    def add(self, photographs: Iterable[Photograph], codes: Iterable[np.ndarray]) -> None:
        """Take in photographs with their codes; :meth:`flush` makes them safe."""
        self._waiting += zip(photographs, codes)

    @property
    def waiting(self) -> int:
        """How many are not safe yet."""
        return len(self._waiting)

    def flush(self) -> None:
        """Make everything safe."""
        if not self._waiting:
            return
        with held_back():  # after half of this, the next flush would write all of it again
            photographs, codes = zip(*self._waiting)
            self._waiting = []
            self._write(
                self._codes,
                self._codes_path,
                np.ascontiguousarray(np.stack(codes), "<f4").tobytes(),
            )
            self._write(
                self._lines,
                self._lines_path,
                b"".join(
                    json.dumps(photograph).encode("ascii") + b"\n" for photograph in photographs
                ),
            )
            self.photographs += photographs

    def close(self) -> None:
        """Flush, and let go of the files."""
        try:
            self.flush()
        finally:
            self._lines.close()
            self._codes.close()

    def remove(self) -> None:
        """Remove the files, once their content is in the index."""
        self.close()
        self._lines_path.unlink(missing_ok=True)
        self._codes_path.unlink(missing_ok=True)


def _parse(line: bytes) -> Photograph | None:
    """The photograph of a line, or None when it is not whole."""
    try:
        return photograph_of(json.loads(line)) if line.endswith(b"\n") else None
    except ValueError:
        return None


def _first_line(origin: CodeOrigin) -> bytes:
    about = {"format": FORMAT, **replace(origin, dtype="float32").record()}
    return json.dumps(about).encode("ascii") + b"\n"
