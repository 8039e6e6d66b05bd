"""An index kept in a folder: see :mod:`vsepp.index.manifest`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Optional

import numpy as np

from vsepp.index.exact import check_finite
from vsepp.index.folders import Folder
from vsepp.index.generations import open_codes, remove_earlier, write_codes
from vsepp.index.journal import Journal
from vsepp.index.manifest import MANIFEST, CodeOrigin, Manifest, read_manifest, write_manifest
from vsepp.index.places import check_index
from vsepp.index.reusable_codes import Place, ReusableCodes
from vsepp.system.errors import InputError
from vsepp.system.locks import only_one

_ROWS_AT_ONCE = 4_096


class FileStore:
    """The :class:`vsepp.index.stores.Store` of a folder.

    Args:
        index: the folder; made when it is missing.

    Raises:
        InputError: when something else is there.
    """

    another = "--out"

    def __init__(self, index: str | Path) -> None:
        check_index(index)
        self.index = Path(os.path.abspath(index))
        self.name = str(self.index)
        self.leave_out: Sequence[Path] = [self.index]

    @contextmanager
    def alone(self) -> Iterator[None]:
        index = self.index
        is_new = not index.exists()
        index.mkdir(parents=True, exist_ok=True)
        try:
            with only_one(
                index / "lock",
                f"another process is indexing into {index}: wait for its end, or choose another "
                "--out.",
            ):
                yield
        except InputError:
            if is_new:
                with suppress(OSError):  # something was encoded, which the next run takes over
                    index.rmdir()
            raise

    def check_usable(self, origin: CodeOrigin, approximate: bool) -> None:
        if approximate:
            from vsepp.index.faiss_index import check_usable

            check_usable(origin.measure)

    def read_before(self, force: bool) -> Optional[Manifest]:
        if not (self.index / MANIFEST).exists():
            return None
        try:
            return read_manifest(self.index)
        except InputError:
            if not force:
                raise
            return None

    def begin(self, origin: CodeOrigin, folders: Sequence[Folder]) -> Journal:
        return Journal(self.index, origin)

    def codes_before(self, before: Manifest, force: bool) -> np.ndarray:
        try:
            codes = open_codes(self.index, before)
            check_finite(codes, before.codes_path(self.index))
            return codes
        except (InputError, FileNotFoundError) as error:
            if not force:
                reason = (
                    str(error)
                    if isinstance(error, InputError)
                    else f"{error.filename} is missing: index the photographs again with --force."
                )
                raise InputError(reason) from None
            return np.empty((0, 0))

    def finish(
        self,
        manifest: Manifest,
        places: Sequence[Place],
        reusable: ReusableCodes,
        before: Optional[Manifest],
        approximate: bool,
        force: bool,
    ) -> Optional[dict]:
        if force or not self._is_there(manifest):
            write_codes(
                self.index,
                manifest,
                (
                    reusable.rows(places[start : start + _ROWS_AT_ONCE])
                    for start in range(0, len(places), _ROWS_AT_ONCE)
                ),
            )
        if approximate:
            manifest = self._with_approximate(manifest, before, force)
        if manifest != before:
            write_manifest(self.index, manifest)
        remove_earlier(self.index, manifest)
        return manifest.approximate

    def _is_there(self, manifest: Manifest) -> bool:
        """Whether the codes are written already, and whole."""
        try:
            open_codes(self.index, manifest)
        except (InputError, FileNotFoundError):
            return False
        return True

    def _with_approximate(
        self, manifest: Manifest, before: Optional[Manifest], force: bool
    ) -> Manifest:
        from vsepp.index.faiss_index import stored

        path = manifest.approximate_path(self.index)
        if before and before.approximate and before.generation == manifest.generation:
            if path.exists() and not force:
                return replace(manifest, approximate=before.approximate)
        return replace(
            manifest,
            approximate=stored(path, open_codes(self.index, manifest), manifest.origin.measure),
        )
