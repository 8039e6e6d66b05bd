"""Asking an index of photographs in a Milvus."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np

from vsepp.index.exact import ExactIndex, checked_queries
from vsepp.index.folders import file_of, name_of
from vsepp.index.manifest import Photograph
from vsepp.index.milvus_collection import MilvusCollection, Row
from vsepp.index.milvus_index import MOST
from vsepp.index.photographs import check_checkpoint, corrected
from vsepp.metrics.similarity import find_measure
from vsepp.system.errors import InputError

_MORE = 16  # rows that are fetched beyond the k best, to see where the ties end


class MilvusPhotographs:
    """An index in a Milvus, opened for searching; its answers are those of
    :class:`vsepp.index.photographs.PhotographIndex`.

    It stays what it is while another process brings the index up to date, except that photographs
    that are then gone or changed are no longer found.

    Args:
        uri, collection, token: as :class:`vsepp.index.milvus_collection.MilvusCollection` has them.

    Attributes:
        index: what sentences call it.
        manifest: :class:`vsepp.index.manifest.Manifest`, without photographs.

    Raises:
        InputError: when there is none, or Milvus cannot be reached.
    """

    def __init__(self, uri: str, collection: str = "vsepp", token: str = "") -> None:  # nosec B107
        found = MilvusCollection(uri, collection, token, existing=True)
        self.index = found.name
        try:
            update, self.manifest, self._total = found.read_existing()
            self._rows = found.codes(self.manifest.origin)
        except BaseException:
            found.close()
            raise
        self._condition = f"update <= {update}"

    @property
    def folder(self) -> str:
        """The folders of the photographs, in words."""
        return self.manifest.folder

    def __len__(self) -> int:
        return self._total

    def check_checkpoint(self, path: str | Path) -> None:
        """InputError when a checkpoint is not the one the photographs were encoded with."""
        check_checkpoint(self.index, self.manifest, path)

    def search(self, code: np.ndarray, k: int) -> tuple[list[Photograph], np.ndarray]:
        """The photographs that fit a query best: see ``PhotographIndex.search``."""
        _, photographs, scores = self._search(code, k)
        return photographs, scores

    def search_all(self, codes: np.ndarray, k: int) -> list[tuple[list[Photograph], np.ndarray]]:
        """As :meth:`search`, for each of several queries, float32 ``[n, size]``."""
        return [self.search(code, k) for code in codes]

    def _search(self, code: np.ndarray, k: int) -> tuple[list[int], list[Photograph], np.ndarray]:
        """(ids, photographs, scores). Milvus gives the candidates, in single precision and in any
        order among equals; what is returned of them is decided as exact search does."""
        (query,) = checked_queries(code[None], self.manifest.origin.embed_size)
        if k > MOST:
            raise InputError(f"{self.index} gives {MOST:,} answers at most: ask for fewer.")
        if not self._total:
            return [], [], np.empty(0, np.float32)
        limit, hits = min(k + _MORE, MOST), []
        while True:
            hits = self._rows.nearest(query, limit, self._condition)
            if len(hits) < limit or limit == MOST or _ties_end(hits, query, k):
                break
            limit = min(4 * limit, MOST)
        named = sorted((self._photograph(hit), hit["id"], hit["code"]) for hit in hits)
        backend = ExactIndex(self.manifest.origin.measure)
        codes = np.array([code for *_, code in named], np.float32)
        backend.add(np.arange(len(named)), codes.reshape(len(named), len(query)))
        (places,), (scores,) = backend.search(query[None], k)
        found = [named[place] for place in places]
        return [row for _, row, _ in found], [photograph for photograph, _, _ in found], scores

    def _photograph(self, fields: dict) -> Photograph:
        row = Row.read(fields)
        return row.photograph(name_of(self.manifest.folders, row.file))

    @cached_property
    def _listed(self) -> list[tuple[Photograph, int]]:
        """(photograph, id of its row), in the order of their names."""
        rows = map(Row.read, self._rows.rows(self._condition))
        folders = self.manifest.folders
        return sorted((row.photograph(name_of(folders, row.file)), row.id) for row in rows)

    @cached_property
    def _places(self) -> dict[int, int]:
        return {row: place for place, (_, row) in enumerate(self._listed)}

    def search_corrected(
        self, codes: np.ndarray, k: int, bank: np.ndarray, temperature: float
    ) -> list[tuple[list[Photograph], np.ndarray]]:
        """As ``PhotographIndex.search_corrected``: every code is fetched."""
        stored = self._rows.codes([row for _, row in self._listed])
        measure = self.manifest.origin.measure
        return [
            ([self._listed[place][0] for place in places], scores)
            for places, scores in corrected(stored, codes, k, measure, bank, temperature)
        ]

    def search_rows(self, code: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """As :meth:`search`, but (rows int64, float32 scores): places in the list of all
        photographs, which is fetched when it is first asked for."""
        ids, _, scores = self._search(code, k)
        known = [place for place, row in enumerate(ids) if row in self._places]
        rows = np.array([self._places[ids[place]] for place in known], np.int64)
        return rows, scores[known]

    def code(self, row: int) -> np.ndarray:
        """The code of the photograph in a row, float32 ``[size]``."""
        return self._rows.codes([self._listed[row][1]])[0]

    def photograph(self, row: int) -> Photograph:
        """The photograph in a row."""
        return self._listed[row][0]

    def path(self, photograph: Photograph) -> str:
        """Where the file of a photograph is."""
        return file_of(self.manifest.folders, photograph.path)

    def close(self) -> None:
        """Let go of the file or the server."""
        self._rows.close()


def _ties_end(hits: list[dict], query: np.ndarray, k: int) -> bool:
    """Whether none that is missing from ``hits`` could be among the ``k`` best."""
    codes = np.array([hit["code"] for hit in hits], np.float32)
    slack = 4 * find_measure("cosine").slack(codes, query[None])
    return bool(hits[-1]["score"] < hits[k - 1]["score"] - 2 * slack)
