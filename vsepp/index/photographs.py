"""Asking the index of a folder of photographs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vsepp.checkpoint import read_header
from vsepp.index.exact import ExactIndex
from vsepp.index.folders import file_of
from vsepp.index.generations import open_codes, open_generation
from vsepp.index.manifest import Manifest, Photograph
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
        self._codes = codes = open_codes(self.index, manifest)
        if not self._approximate:
            backend = ExactIndex(manifest.origin.measure)
            backend.add(np.arange(len(codes)), codes)
            return backend
        if not manifest.approximate:
            folders = " ".join(quoted(folder.path) for folder in manifest.folders)
            raise InputError(
                f"{self.index} has no approximate index: make one with `{command('search')} "
                f"index {folders} --out {quoted(self.index)} --approximate`, or search exactly."
            )
        from vsepp.index.faiss_index import open_stored

        return open_stored(manifest.approximate_path(self.index), manifest.approximate, len(codes))

    def __len__(self) -> int:
        return len(self.manifest.photographs)

    def check_checkpoint(self, path: str | Path) -> None:
        """InputError when a checkpoint is not the one the photographs were encoded with."""
        check_checkpoint(self.index, self.manifest, path)

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
        return self._photographs(self._search_rows(codes, k))

    def search_corrected(
        self, codes: np.ndarray, k: int, bank: np.ndarray, temperature: float
    ) -> list[tuple[list[Photograph], np.ndarray]]:
        """As :meth:`search_all`, with scores corrected for hubness: every photograph is looked at,
        and its code held in memory.

        Args:
            codes: float32 ``[n, size]``, of sentences.
            k: how many.
            bank: float32 ``[m, size]``, codes of sentences that stand for what else is asked.
            temperature: see ``vsepp.metrics.hubness``.
        """
        answers = self._search_rows(codes, k)  # says which codes are damaged, where any are
        if len(self):
            measure = self.manifest.origin.measure
            answers = corrected(self._codes, codes, k, measure, bank, temperature)
        return self._photographs(answers)

    def _photographs(
        self, answers: list[tuple[np.ndarray, np.ndarray]]
    ) -> list[tuple[list[Photograph], np.ndarray]]:
        return [
            ([self.manifest.photographs[row] for row in rows], scores) for rows, scores in answers
        ]

    def search_rows(self, code: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """As :meth:`search`, but (rows int64, float32 scores): places in the manifest's list."""
        return self._search_rows(code[None], k)[0]

    def _search_rows(self, codes: np.ndarray, k: int) -> list[tuple[np.ndarray, np.ndarray]]:
        answers = zip(*self._backend.search(codes, k))
        return [(rows[rows >= 0], scores[rows >= 0]) for rows, scores in answers]

    def code(self, row: int) -> np.ndarray:
        """The code of the photograph in a row, float32 ``[size]``: it is not encoded anew."""
        return np.asarray(self._codes[row], np.float32)

    def photograph(self, row: int) -> Photograph:
        """The photograph in a row."""
        return self.manifest.photographs[row]

    def path(self, photograph: Photograph) -> str:
        """Where the file of a photograph is."""
        return file_of(self.manifest.folders, photograph.path)


def check_checkpoint(index: str | Path, manifest: Manifest, path: str | Path) -> None:
    """InputError when a checkpoint is not the one that the manifest of an index names."""
    wanted = manifest.origin.encoding.fingerprint
    found = read_header(path)["fingerprint"]
    if found != wanted:
        raise InputError(
            f"{index} was made with the checkpoint of fingerprint {wanted[:12]}, and "
            f"{path} has {found[:12]}: give that one with --checkpoint, or index the "
            "photographs again with --force."
        )


def corrected(
    codes: np.ndarray,
    queries: np.ndarray,
    k: int,
    measure: str,
    bank: np.ndarray,
    temperature: float,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """(rows, scores) of the ``k`` best for each query, with scores corrected for hubness: see
    :meth:`PhotographIndex.search_corrected`."""
    from vsepp.metrics.hubness import Hubs, hubs, with_hubs

    (found,) = hubs(codes, bank, measure, [temperature])
    of_images = Hubs(found.images, np.zeros(len(queries), np.float32))
    rows, asked, of_both = with_hubs(codes, queries, measure, of_images)
    backend = ExactIndex(of_both)
    backend.add(np.arange(len(rows)), rows)
    return list(zip(*backend.search(asked, k)))
