"""Asking the index of a folder of photographs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vsepp.checkpoint import read_header
from vsepp.index.exact import ExactIndex
from vsepp.index.manifest import Manifest, Photograph, open_codes, open_generation
from vsepp.system.errors import InputError
from vsepp.system.invocation import command, quoted

if TYPE_CHECKING:
    from vsepp.index.faiss_index import FaissIndex


class PhotographIndex:
    """An index that ``vsepp.index.updating.update_index`` made, opened for searching.

    It stays what it is while another process brings the index up to date.

    Args:
        index: its folder.
        approximate: search approximately.

    Attributes:
        manifest: :class:`vsepp.index.manifest.Manifest`.

    Raises:
        InputError: when there is none, it is damaged, or has no approximate index.
    """

    def __init__(self, index: str | Path, approximate: bool = False) -> None:
        self.index = Path(index)
        self._approximate = approximate
        self.manifest, self._backend = open_generation(index, self._open)

    def _open(self, manifest: Manifest) -> ExactIndex | FaissIndex:
        codes = open_codes(self.index, manifest)
        if not self._approximate:
            backend = ExactIndex(manifest.origin.measure)
            backend.add(np.arange(len(codes)), codes)
            return backend
        if not manifest.approximate:
            raise InputError(
                f"{self.index} has no approximate index: make one with `{command('search')} "
                f"index {quoted(manifest.folder)} --out {quoted(self.index)} --approximate`, or "
                "search exactly."
            )
        from vsepp.index.faiss_index import open_stored

        return open_stored(manifest.approximate_path(self.index), manifest.approximate, len(codes))

    def __len__(self) -> int:
        return len(self.manifest.photographs)

    def check_checkpoint(self, path: str | Path) -> None:
        """InputError when a checkpoint is not the one the photographs were encoded with."""
        wanted = self.manifest.origin.encoding.fingerprint
        found = read_header(path)["fingerprint"]
        if found != wanted:
            raise InputError(
                f"{self.index} was made with the checkpoint of fingerprint {wanted[:12]}, and "
                f"{path} has {found[:12]}: give that one with --checkpoint, or index the "
                "photographs again with --force."
            )

    def search(self, code: np.ndarray, k: int) -> tuple[list[Photograph], np.ndarray]:
        """The photographs that fit a query best.

        Args:
            code: float32 ``[size]``, of the checkpoint that the index was made with.
            k: how many.

        Returns:
            (list of :class:`vsepp.index.manifest.Photograph`, float32 scores), best first
        """
        (answer,) = self.search_all(code[None], k)
        return answer

    def search_all(self, codes: np.ndarray, k: int) -> list[tuple[list[Photograph], np.ndarray]]:
        """As :meth:`search`, for each of several queries, float32 ``[n, size]``, at once."""
        answers = []
        for rows, scores in zip(*self._backend.search(codes, k)):
            there = rows >= 0
            found = [self.manifest.photographs[row] for row in rows[there]]
            answers.append((found, scores[there]))
        return answers

    def path(self, photograph: Photograph) -> str:
        """Where the file of a photograph is."""
        return os.path.join(self.manifest.folder, *photograph.path.split("/"))
