"""An index kept in a Milvus: what an update asks of it."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Dict, List, Optional, Tuple, cast

import numpy as np

from vsepp.index.folders import Folder, file_of, name_of
from vsepp.index.manifest import CodeOrigin, Manifest, Photograph, record
from vsepp.index.milvus_collection import IndexRecord, MilvusCollection, Row
from vsepp.index.milvus_connection import is_file
from vsepp.index.milvus_index import MilvusIndex, check_measure
from vsepp.index.reusable_codes import Place, ReusableCodes
from vsepp.system.errors import InputError
from vsepp.system.locks import only_one

_ROWS_AT_ONCE = 1_000


class MilvusStore:
    """The :class:`vsepp.index.stores.Store` of a collection; the arguments are those of
    :class:`vsepp.index.milvus_collection.MilvusCollection`."""

    another = "--collection"

    def __init__(self, uri: str, collection: str = "vsepp", token: str = "") -> None:  # nosec B107
        self._given = (uri, collection, token)
        self._opened: Optional[MilvusCollection] = None
        self._record: Optional[IndexRecord] = None
        self.name = f"the collection {collection} of {uri}"
        self.leave_out: Sequence[Path] = [Path(os.path.abspath(uri))] if is_file(uri) else []

    @property
    def _collection(self) -> MilvusCollection:
        if self._opened is None:
            self._opened = MilvusCollection(*self._given)
        return self._opened

    def checkpoint(self) -> Optional[str]:
        """Where the checkpoint of the index was; None where there is no index yet."""
        try:
            found = self._collection.read()
        except InputError:
            self._close()
            raise
        return found.manifest.checkpoint if found else None

    @contextmanager
    def alone(self) -> Iterator[None]:
        uri, collection, _ = self._given
        place = os.path.abspath(uri) if is_file(uri) else uri
        user = os.getuid() if hasattr(os, "getuid") else ""
        digest = hashlib.sha256(f"{place}\n{collection}".encode("utf-8", "replace")).hexdigest()
        with only_one(
            Path(tempfile.gettempdir()) / f"vsepp-{user}-{digest[:16]}.lock",
            f"another process is indexing into {self.name}: wait for its end, or choose another "
            "--collection.",
        ):
            try:
                yield
            finally:
                self._close()

    def _close(self) -> None:
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def check_usable(self, origin: CodeOrigin, approximate: bool) -> None:
        check_measure(origin.measure)
        if approximate:
            raise InputError(
                f"{self.name} is searched exactly: leave --approximate away with --store milvus."
            )
        if origin.dtype != "float32":
            raise InputError(
                f"{self.name} holds float32 alone: leave --dtype away with --store milvus."
            )

    def read_before(self, force: bool) -> Optional[Manifest]:
        try:
            self._record = self._collection.read()
        except InputError:
            if not force:
                raise
            self._collection.check_ours()  # what is something else's is not, by force either
        if self._record is None:
            return None
        manifest = self._record.manifest
        rows = [
            row
            for row in _rows(self._collection.codes(manifest.origin))
            if row.update <= self._record.update
        ]
        rows.sort(key=lambda row: row.update)  # an interrupted end leaves some that are gone
        named = {row.file: row.photograph(name_of(manifest.folders, row.file)) for row in rows}
        return replace(manifest, photographs=tuple(sorted(named.values())))

    def begin(self, origin: CodeOrigin, folders: Sequence[Folder]) -> CollectionJournal:
        done = self._record.update if self._record else 0
        self._journal = CollectionJournal(self._collection.codes(origin), folders, done)
        return self._journal

    def codes_before(self, before: Manifest, force: bool) -> np.ndarray:
        return np.empty((0, 0))  # the journal has them

    def finish(
        self,
        manifest: Manifest,
        places: Sequence[Place],
        reusable: ReusableCodes,
        before: Optional[Manifest],
        approximate: bool,
        force: bool,
    ) -> None:
        journal, collection = self._journal, self._collection
        changed = journal.become(manifest, places)
        same = before is not None and record(before) == record(replace(manifest, photographs=()))
        if changed or before is None or not same:
            collection.write(journal.update, manifest, len(manifest.photographs))
        journal.remove_gone()
        collection.remove_others(manifest.origin)


def _rows(index: MilvusIndex) -> Iterator[Row]:
    return map(Row.read, index.rows())


class CollectionJournal:
    """The :class:`vsepp.index.stores.Taken` of a collection: its rows, those of the index and those
    that an interrupted update has left.

    Args:
        index: of the rows.
        folders: names of photographs are those among these.
        done: number of the last finished update.

    Attributes:
        update: number of this one.
    """

    def __init__(self, index: MilvusIndex, folders: Sequence[Folder], done: int) -> None:
        self._index, self._folders = index, folders
        self.update = done + 1
        # What came later goes before.
        rows = sorted(_rows(index), key=lambda row: row.update)
        self.recovered = sum(row.update > done for row in rows)
        self._there: Dict[int, Row] = {row.id: row for row in rows}
        self._ids: List[int] = [row.id for row in rows]
        self.photographs = [row.photograph(name_of(folders, row.file)) for row in rows]
        self._waiting: List[Tuple[Photograph, np.ndarray]] = []
        self._gone: List[int] = []

    def codes(self) -> np.ndarray:
        return cast(np.ndarray, _CodesOfRows(self._index, self._ids))

    def add(self, photographs: Iterable[Photograph], codes: Iterable[np.ndarray]) -> None:
        self._waiting += zip(photographs, codes)

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def _row(self, photograph: Photograph) -> Row:
        return Row(file_of(self._folders, photograph.path), *photograph[1:], self.update)

    def flush(self) -> None:
        if not self._waiting:
            return
        photographs, codes = zip(*self._waiting)
        rows = [self._row(photograph) for photograph in photographs]
        self._put(rows, np.stack(codes))
        self._waiting = []
        self._ids += [row.id for row in rows]
        self.photographs += photographs

    def _put(self, rows: Sequence[Row], codes: np.ndarray) -> None:
        self._index.put([row.id for row in rows], codes, [row.written() for row in rows])
        self._there.update({row.id: row for row in rows})

    def become(self, manifest: Manifest, places: Sequence[Place]) -> bool:
        """Put what is missing of a manifest's photographs, whose codes are those of the rows at
        ``places``; :meth:`remove_gone` removes what is not of them.

        Returns:
            whether that changes what a reader finds.
        """
        wanted: Dict[int, Tuple[Row, int]] = {}
        for photograph, (_, place) in zip(manifest.photographs, places):
            row = self._row(photograph)
            if row.id in wanted:
                raise InputError(
                    f"{row.file} and {wanted[row.id][0].file} cannot be told apart in a "
                    "collection: rename one of them."
                )
            wanted[row.id] = (row, self._ids[place])
        new = self._missing(wanted)
        for start in range(0, len(new), _ROWS_AT_ONCE):
            part = new[start : start + _ROWS_AT_ONCE]
            self._put([row for row, _ in part], self._index.codes([source for _, source in part]))
        self._gone = [row for row in self._there if row not in wanted]
        newest = any(self._there[row].update == self.update for row in wanted)
        return newest or bool(self._gone)

    def _missing(self, wanted: Mapping[int, Tuple[Row, int]]) -> List[Tuple[Row, int]]:
        """(row, id of the row that has its code) of those that are not there as they should be;
        one that was merely touched stays of the update that brought it."""
        missing = []
        for key, (row, source) in wanted.items():
            there = self._there.get(key)
            if there is not None:
                row = row._replace(update=there.update)
            if row != there:
                missing.append((row, source))
        return missing

    def remove_gone(self) -> None:
        """Remove the rows of photographs that are gone."""
        self._index.remove(self._gone)

    def close(self) -> None:
        self.flush()

    def remove(self) -> None:
        self.flush()


class _CodesOfRows:
    """The codes of rows in a collection, each fetched when it is asked for."""

    def __init__(self, index: MilvusIndex, ids: Sequence[int]) -> None:
        self._index, self._ids = index, ids

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, row: int) -> np.ndarray:
        return self._index.codes([self._ids[row]])[0]
