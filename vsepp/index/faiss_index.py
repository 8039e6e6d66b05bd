"""Approximate search with faiss: a graph for smaller sets, inverted lists for larger ones."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path
from typing import Any

import numpy as np

from vsepp.index.exact import ExactIndex, Ids, check_new, checked_ids, checked_queries, checked_rows
from vsepp.system.atomic import write_bytes
from vsepp.system.errors import InputError

LARGE = 50_000  # from here on a graph takes too long to build
NEIGHBOURS = 32  # of each row in the graph
BUILD_WIDTH, SEARCH_WIDTH = 200, 256  # candidates that are followed through the graph
_LEAST_ROWS_PER_LIST, _TRAINING_ROWS_PER_LIST = 39, 64  # faiss warns below the first
_TRAINING_ROUNDS = 10
_SAMPLE = 200  # rows that the recall is measured on
_AT_ONCE = 16_384


def _import_faiss() -> Any:
    logging.getLogger("faiss.loader").setLevel(logging.WARNING)  # which builds it tries is noise
    try:
        import faiss
    except ImportError:
        raise InputError(
            "approximate search needs faiss: run `pip install faiss-cpu`, or search exactly."
        ) from None
    return faiss


def check_usable(measure: str) -> None:
    """InputError when faiss is not installed or does not know the measure."""
    if measure != "cosine":
        raise InputError(
            f"approximate search knows the measure cosine alone, not {measure!r}: "
            "search exactly, without --approximate."
        )
    _import_faiss()


class FaissIndex:
    """Rows with ids, searched approximately by their dot product.

    The first rows that are added decide the kind: ``hnsw``, or ``ivf`` from ``LARGE`` rows on,
    which also learns its lists from them.

    Args:
        measure: ``cosine``.

    Attributes:
        kind: ``hnsw`` or ``ivf``, or None while it is empty.
    """

    def __init__(self, measure: str = "cosine") -> None:
        check_usable(measure)
        self.kind: str | None = None
        self._index: Any = None
        self._ids = np.empty(0, np.int64)
        self._alive = np.empty(0, bool)

    def __len__(self) -> int:
        return int(self._alive.sum())

    def add(self, ids: Ids, codes: np.ndarray) -> None:
        """Add rows: ids, none of which is there yet, and float32 or float16 ``[n, size]``.

        Raises:
            InputError: as :meth:`vsepp.index.exact.ExactIndex.add`.
        """
        ids, codes = checked_rows(ids, codes, self._index.d if self._index else None)
        check_new(ids, [self._ids[self._alive]])
        if not len(ids):
            return
        if self._index is None:
            self._index = self._build(codes)
        for start in range(0, len(codes), _AT_ONCE):
            self._index.add(np.ascontiguousarray(codes[start : start + _AT_ONCE], np.float32))
        self._ids = np.concatenate([self._ids, ids])
        self._alive = np.concatenate([self._alive, np.ones(len(ids), bool)])

    def _build(self, codes: np.ndarray) -> Any:
        faiss, size = _import_faiss(), codes.shape[1]
        if len(codes) < LARGE:
            self.kind = "hnsw"
            index = faiss.IndexHNSWFlat(size, NEIGHBOURS, faiss.METRIC_INNER_PRODUCT)
            index.hnsw.efConstruction = BUILD_WIDTH
            return index
        self.kind = "ivf"
        lists = min(int(4 * len(codes) ** 0.5), len(codes) // _LEAST_ROWS_PER_LIST)
        index = faiss.index_factory(size, f"IVF{lists},Flat", faiss.METRIC_INNER_PRODUCT)
        index.cp.niter = _TRAINING_ROUNDS
        step = max(1, len(codes) // (lists * _TRAINING_ROWS_PER_LIST))
        index.train(np.ascontiguousarray(codes[::step], np.float32))
        return index

    def remove(self, ids: Ids) -> None:
        """Let searches pass over rows; ids that are not there are passed over."""
        self._alive &= ~np.isin(self._ids, checked_ids(ids))

    def search(self, codes: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Nearly the ``k`` best rows for each query, best first.

        Returns:
            (ids int64 ``[n, k]``, scores float32 ``[n, k]``); where fewer were found, -1 and
            minus infinity stand at the end.
        """
        queries = checked_queries(codes, self._index.d if self._index else None)
        k = max(0, min(k, len(self)))
        if not k or not len(queries):
            return (np.empty((len(queries), k), np.int64), np.empty((len(queries), k), np.float32))
        scores, places = self._index.search(queries, k, params=self._parameters(k))
        ids = np.where(places < 0, -1, self._ids[places])
        return ids, np.where(places < 0, np.float32(-np.inf), scores)

    def _parameters(self, k: int) -> Any:
        faiss, chosen = _import_faiss(), {}
        if not self._alive.all():
            # Kept here, since faiss keeps the address of the bits and not the array.
            self._bits = np.packbits(self._alive, bitorder="little")
            chosen["sel"] = faiss.IDSelectorBitmap(len(self._bits), faiss.swig_ptr(self._bits))
        if self.kind == "hnsw":
            return faiss.SearchParametersHNSW(efSearch=max(SEARCH_WIDTH, 2 * k), **chosen)
        return faiss.SearchParametersIVF(nprobe=max(8, self._index.nlist // 16), **chosen)

    def to_bytes(self) -> bytes:
        """What :meth:`from_bytes` reads; ids must be ``0, 1, …``, and none removed."""
        return _import_faiss().serialize_index(self._index).tobytes()

    @classmethod
    def from_bytes(cls, data: bytes, kind: str) -> FaissIndex:
        """The index again; its ids are ``0, 1, …``."""
        faiss, result = _import_faiss(), cls()
        result._index = faiss.deserialize_index(np.frombuffer(data, np.uint8))
        result.kind = kind
        result._ids = np.arange(result._index.ntotal)
        result._alive = np.ones(len(result._ids), bool)
        return result


def recall_at_10(index: ExactIndex | FaissIndex, codes: np.ndarray, sample: int = _SAMPLE) -> float:
    """How much of the exact ten nearest neighbours of a sample of its rows an index finds.

    Args:
        index: a backend whose ids are the rows of ``codes``.
        codes: ``[n, size]``.
        sample: how many rows, evenly spread.

    Returns:
        float: from 0 to 1. A row is not counted as its own neighbour.
    """
    rows = np.unique(np.linspace(0, len(codes) - 1, min(sample, len(codes))).astype(np.int64))
    queries = np.asarray(codes[rows], np.float32)
    exact = ExactIndex()
    exact.add(np.arange(len(codes)), codes)
    k = min(11, len(codes))
    hits = wanted = 0
    for row, right, found in zip(rows, exact.search(queries, k)[0], index.search(queries, k)[0]):
        right = set(right[right != row][:10].tolist())
        hits += len(right & set(found[found != row][:10].tolist()))
        wanted += len(right)
    return hits / wanted if wanted else 1.0


def stored(path: str | Path, codes: np.ndarray, measure: str) -> dict[str, Any]:
    """Build the approximate index of ``codes`` and write it to ``path``.

    Returns:
        dict: ``sha256`` of the file, ``kind``, ``recall`` (see :func:`recall_at_10`).
    """
    index = FaissIndex(measure)
    index.add(np.arange(len(codes)), codes)
    data = index.to_bytes()
    write_bytes(path, data)
    return {
        "sha256": hashlib.sha256(data).hexdigest(),
        "kind": index.kind,
        "recall": float(recall_at_10(index, codes)),
    }


def open_stored(path: str | Path, about: dict[str, Any], rows: int) -> FaissIndex:
    """The :class:`FaissIndex` in a file that :func:`stored` wrote.

    Args:
        path: the file.
        about: what :func:`stored` returned.
        rows: how many it must hold.

    Raises:
        FileNotFoundError: when it is gone.
        InputError: when it is damaged, or faiss is not installed.
    """
    _import_faiss()
    data = Path(path).read_bytes()
    # Before faiss reads it, since that trusts what it reads.
    index = (
        FaissIndex.from_bytes(data, about["kind"])
        if hashlib.sha256(data).hexdigest() == about["sha256"]
        else None
    )
    if index is None or len(index) != rows:
        raise InputError(
            f"{path} is damaged: index the photographs again with --approximate --force."
        )
    return index
