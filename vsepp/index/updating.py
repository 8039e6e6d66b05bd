"""Bringing an index up to date with its folders: only what is new or changed is encoded."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from vsepp.config import Config
from vsepp.data.encoding import Encoding
from vsepp.data.images import map_images
from vsepp.index.file_store import FileStore
from vsepp.index.finding import PhotographFile, find_photographs
from vsepp.index.folders import file_of
from vsepp.index.manifest import DTYPES, CodeOrigin, Manifest, Photograph
from vsepp.index.origins import check_origin
from vsepp.index.outcome import Report, nothing_found, nothing_readable
from vsepp.index.places import check_folders
from vsepp.index.reusable_codes import Place, ReusableCodes, file_sha256
from vsepp.index.scope import Scope, Wanted
from vsepp.index.stores import Store, Taken
from vsepp.system.errors import InputError
from vsepp.system.progress import progress

BATCH = 16  # photographs encoded together
FLUSH_COUNT, FLUSH_SECONDS = 256, 5.0  # a crash costs no more than this


class PhotographEncoder(Protocol):
    """What encodes photographs: a ``vsepp.retrieval.model.RetrievalModel``."""

    checkpoint: str
    config: Config
    measure: str

    def pixels(self, image: Path) -> np.ndarray: ...

    def encode_pixels(self, pixels: np.ndarray) -> np.ndarray: ...


def update_index(
    folders: str | Path | Sequence[str | Path],
    index: str | Path | Store,
    model: PhotographEncoder,
    dtype: str | None = None,
    approximate: bool | None = None,
    force: bool = False,
    quiet: bool = True,
    exclude: Sequence[str] | None = None,
    include: Sequence[str] | None = None,
) -> Report:
    """Make an index of the photographs below one or several folders, or bring it up to date.

    What an interrupted run has encoded is taken over. The result depends on the photographs and
    the checkpoint alone: an index that was interrupted and finished equals one that was not.

    Args:
        folders: of the photographs; those of the index so far, and more if wanted.
        index: folder of the index, which may lie inside one of them; or a store, such as
            ``vsepp.index.milvus_store.MilvusStore``.
        model: a ``RetrievalModel``.
        dtype: ``float32`` or ``float16`` on the disk; None is as it was, or float32.
        approximate: build an approximate index as well; None is as it was, or not.
        force: let the index go over to another checkpoint, other folders or another dtype, or
            take the place of a damaged one. What no longer fits is encoded anew.
        quiet: show no progress bar.
        exclude, include: patterns of what is left out and taken in, as
            :class:`vsepp.index.choosing.Choice` has them; None is as it was, or none.

    Returns:
        Report

    Raises:
        InputError: when the folders hold no photograph that can be read, another indexer is at
            work, or the index is of another checkpoint, dtype or folder.
    """
    given = [folders] if isinstance(folders, (str, Path)) else list(folders)
    store = FileStore(index) if isinstance(index, (str, Path)) else index
    check_folders(given)
    wanted = Wanted(
        tuple(os.path.abspath(folder) for folder in given),
        None if exclude is None else tuple(exclude),
        None if include is None else tuple(include),
    )
    with store.alone():
        return _Update(wanted, store, model, dtype, force, quiet).run(approximate)


class _Update:
    """One run of :func:`update_index`, which describes the arguments."""

    def __init__(
        self,
        wanted: Wanted,
        store: Store,
        model: PhotographEncoder,
        dtype: str | None,
        force: bool,
        quiet: bool,
    ) -> None:
        self.store, self.model = store, model
        self.force, self.quiet = force, quiet
        self.before = self.store.read_before(force)
        self.scope = Scope(wanted, self.before)
        self.origin = CodeOrigin(
            Encoding.of_model(model, exif=True),
            model.config.embed_size,
            model.measure,
            dtype or (self.before.origin.dtype if self.before else DTYPES[0]),
        )
        # An index that is older than flags goes on without them: they would rename its codes.
        if self.before and self.before.origin == self.origin.without_flags():
            self.origin = self.before.origin
        self.report = Report()

    def run(self, approximate: bool | None) -> Report:
        if approximate is None:
            approximate = bool(self.before and self.before.approximate)
        self.store.check_usable(self.origin, approximate)
        self._check_origin()
        self.report.remarks += self.scope.remarks()
        found = find_photographs(self.scope.folders, self.store.leave_out, self.scope.choice)
        self.report.found, self.report.unreadable = found, list(found.refused)
        if not found.photographs:
            raise InputError(nothing_found(self.scope.folders, found, found.refused))
        with closing(self.store.begin(self.origin, self.scope.folders)) as journal:
            reusable = ReusableCodes(self._codes_before(), (journal.photographs, journal.codes()))
            there = self._encode_missing(found.photographs, reusable, journal)
            self._finish(there, reusable, journal, approximate)
        return self.report

    def _check_origin(self) -> None:
        """InputError when the index is of something else; then nothing of it is used."""
        if self.before is None:
            return
        if self.force:
            if self.before.origin != self.origin:
                self.before = replace(self.before, photographs=())
            return
        check_origin(self.store.name, self.before, self.origin, self.model.checkpoint)
        self.scope.check(self.store.name, self.store.another)

    def _codes_before(self) -> tuple[Sequence[Photograph], np.ndarray]:
        """The stored codes that the journal has not."""
        if self.before is None or not self.before.photographs:
            return (), np.empty((0, 0))
        codes = self.store.codes_before(self.before, self.force)
        return self.scope.renamed(self.before.photographs) if len(codes) else (), codes

    def _encode_missing(
        self, found: Sequence[PhotographFile], reusable: ReusableCodes, journal: Taken
    ) -> dict[PhotographFile, tuple[Photograph, Place] | None]:
        """Encode into the journal; returns ``{found: (photograph, place)}`` of all others."""
        there = {
            photograph: reusable.look_up(photograph, self._file(photograph)) for photograph in found
        }
        missing = [photograph for photograph, entry in there.items() if entry is None]
        self.report.recovered = journal.recovered
        begin = flushed = time.monotonic()
        with progress(
            description="encoding photographs",
            total=len(missing),
            unit="image",
            disable=self.quiet or not missing,
        ) as bar:
            for photographs, codes in self._encode(missing, bar):
                journal.add(photographs, codes)
                self.report.encoded += len(photographs)
                if journal.waiting >= FLUSH_COUNT or time.monotonic() - flushed > FLUSH_SECONDS:
                    journal.flush()
                    flushed = time.monotonic()
        journal.flush()
        self.report.seconds = time.monotonic() - begin
        return there

    def _encode(
        self, missing: Sequence[PhotographFile], bar: Any
    ) -> Iterator[tuple[Sequence[Photograph], np.ndarray]]:
        """Yield (photographs, codes) in batches; what cannot be decoded is noted."""
        batch = []
        decoded = map_images(self._decode, missing)
        with closing(decoded):
            for found, (sha256, pixels) in zip(missing, decoded):
                bar.update()
                if isinstance(pixels, InputError):
                    self.report.unreadable.append((found.path, self._reason(pixels, found)))
                    continue
                batch.append((Photograph(*found, str(sha256)), pixels))
                if len(batch) == BATCH:
                    yield self._encode_batch(batch)
                    batch = []
        if batch:
            yield self._encode_batch(batch)

    def _file(self, found: PhotographFile) -> Path:
        return Path(file_of(self.scope.folders, found.path))

    def _decode(self, found: PhotographFile) -> tuple[str, np.ndarray] | tuple[None, InputError]:
        """(SHA-256, pixels), or (None, InputError). The hash comes first: should the file change
        in between, the next run sees by its hash that it has."""
        path = self._file(found)
        try:
            return file_sha256(path), self.model.pixels(path)
        except InputError as error:
            return None, error
        except OSError as error:
            return None, InputError(f"{path} cannot be read ({error.strerror}): check the file.")

    def _reason(self, error: InputError, found: PhotographFile) -> str:
        """What is wrong with a photograph, without its path, which stands beside it."""
        return str(error).replace(str(self._file(found)), "it", 1).rstrip(".")

    def _encode_batch(
        self, batch: Sequence[tuple[Photograph, np.ndarray]]
    ) -> tuple[Sequence[Photograph], np.ndarray]:
        photographs, pixels = zip(*batch)
        codes = self.model.encode_pixels(np.stack(pixels))
        if not np.isfinite(codes).all():
            raise InputError(
                f"{self.model.checkpoint} gives NaN or infinity for "
                f"{photographs[0].path} or its neighbours: use another checkpoint."
            )
        return photographs, codes

    def _finish(
        self,
        there: Mapping[PhotographFile, tuple[Photograph, Place] | None],
        reusable: ReusableCodes,
        journal: Taken,
        approximate: bool,
    ) -> None:
        reusable.add(journal.photographs, journal.codes())
        entries = (
            entry or reusable.look_up(photograph, self._file(photograph))
            for photograph, entry in there.items()
        )
        placed = [entry for entry in entries if entry is not None]
        if not placed:
            if not journal.photographs:
                journal.remove()
            raise InputError(
                nothing_readable(self.scope.folders, self.report.unreadable, len(there))
            )
        manifest = Manifest(
            self.scope.folders,
            os.path.abspath(self.model.checkpoint),
            self.origin,
            tuple(photograph for photograph, _ in placed),
            choice=self.scope.choice,
        )
        known = self.scope.renamed(self.before.photographs) if self.before else ()
        self.report.count(known, manifest.photographs, (found.path for found in there))
        places = [place for _, place in placed]
        self.report.approximate = self.store.finish(
            manifest, places, reusable, self.before, approximate, self.force
        )
        self.report.unreadable.sort()
        journal.remove()
