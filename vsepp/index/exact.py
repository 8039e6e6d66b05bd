"""Exact search: the k rows that fit a query best, from a matrix that may lie on the disk.

The rows are scored block by block in single precision, one matrix product to a block. Whatever
could still be among the best, given how far single precision can be off, is scored once more in
double precision, and that decides. So the answer does not depend on the size of the blocks, on
how many queries are asked together, or on the number of threads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Union

import numpy as np

from vsepp.metrics.correspondence import whole_number
from vsepp.metrics.similarity import Measure, Scorer, find_measure
from vsepp.metrics.top_k import kth_highest, top_k
from vsepp.system.errors import InputError

BLOCK_BYTES = 1 << 21  # of rows, in single precision: they stay in the processor's cache
_UNDECIDED = 4_096  # more rows than this beside the k best are told apart at once

Ids = Union[Sequence[int], np.ndarray]  # whole numbers


class ExactIndex:
    """Rows with ids, searched completely.

    Args:
        measure: ``cosine`` (the dot product of the codes as they are) or ``order``, in which the
            rows are images and the queries sentences; or a
            ``vsepp.metrics.similarity.Ensemble`` over codes that stand side by side.
    """

    def __init__(self, measure: Measure = "cosine") -> None:
        self._measure = find_measure(measure)
        self._parts: list[
            tuple[np.ndarray, _Rows]
        ] = []  # (ids, rows) each, in the order of their arrival

    def __len__(self) -> int:
        return sum(len(ids) for ids, _ in self._parts)

    @property
    def _size(self) -> int | None:
        """How many numbers a row has; None while any number will do."""
        return self._parts[0][1].shape[1] if self._parts else self._measure.size

    def add(self, ids: Ids, codes: np.ndarray) -> None:
        """Add rows.

        Args:
            ids: whole numbers, none of which is there yet.
            codes: float32 or float16 ``[n, size]``; kept as it is, so a memory-mapped array
                stays on the disk.

        Raises:
            InputError: for ids that are there already or twice, and for codes of another shape
                or type.
        """
        ids, codes = checked_rows(ids, codes, self._size)
        check_new(ids, [known for known, _ in self._parts])
        if not len(ids):
            return
        # Small additions are put together, each row moved but a few times.
        while (
            self._parts
            and len(self._parts[-1][0]) <= len(ids)
            and self._parts[-1][1].dtype == codes.dtype
        ):
            before, rows = self._parts.pop()
            ids, codes = np.concatenate([before, ids]), np.concatenate([rows.codes, codes])
        self._parts.append((ids, _Rows(codes)))

    def remove(self, ids: Ids) -> None:
        """Forget rows; ids that are not there are passed over."""
        parts = []
        for known, rows in self._parts:
            kept = ~np.isin(known, checked_ids(ids))
            if kept.all():
                parts.append((known, rows))
            elif kept.any():
                parts.append((known[kept], _Rows(rows.codes[kept])))
        self._parts = parts

    def search(self, codes: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """The ``k`` best rows for each query, best first; of equals the one added first.

        Args:
            codes: float32 ``[n, size]``.
            k: how many; fewer are returned when there are fewer.

        Returns:
            (ids int64 ``[n, k]``, scores float32 ``[n, k]``)

        Raises:
            InputError: when queries are of another size or not finite, or rows not finite.
        """
        queries, k = checked_queries(codes, self._size), whole_number("k", k)
        found = [(ids, *_search(rows, queries, k, self._measure)) for ids, rows in self._parts]
        if not found:
            return np.empty((len(queries), 0), np.int64), np.empty((len(queries), 0), np.float32)
        ids = np.concatenate([known[places] for known, places, _ in found], axis=1)
        scores = np.concatenate([scores for _, _, scores in found], axis=1)
        order = np.empty((len(scores), min(max(k, 0), scores.shape[1])), np.int64)
        for places, line in zip(order, scores):
            places[:] = top_k(line, len(places))
        return (
            np.take_along_axis(ids, order, 1),
            np.take_along_axis(scores, order, 1).astype(np.float32),
        )


def checked_ids(ids: Ids) -> np.ndarray:
    """Ids as int64 ``[n]``; InputError where they are no whole numbers."""
    array = np.asarray(ids)
    if array.ndim != 1 or array.size and array.dtype.kind not in "iu":
        raise InputError(f"ids must be a list of whole numbers, not {ids!r}.")
    return array.astype(np.int64)


def checked_rows(
    ids: Ids, codes: np.ndarray, size: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """(int64 ``[n]``, array ``[n, size]``) of what a backend is to add, or InputError."""
    ids, codes = checked_ids(ids), np.asanyarray(codes)  # a memory map knows its file
    if codes.dtype not in (np.float32, np.float16):
        raise InputError(f"codes must be float32 or float16, not {codes.dtype}.")
    if codes.ndim != 2 or ids.shape != codes.shape[:1] or size not in (None, codes.shape[1]):
        raise InputError(
            f"{len(ids)} ids and codes of shape {codes.shape} do not fit: give one "
            f"id to each row of {size or 'any'} numbers."
        )
    return ids, codes


def check_new(ids: np.ndarray, known: Sequence[np.ndarray]) -> None:
    """InputError when one of ``ids [n]`` is there twice or in one of the arrays ``known``."""
    every = np.concatenate([ids, *known])
    values, counts = np.unique(every, return_counts=True)
    if len(values) < len(every):
        raise InputError(f"the id {values[counts > 1][0]} is there already: remove it first.")


def checked_queries(codes: np.ndarray, size: int | None = None) -> np.ndarray:
    """Queries as contiguous float32 ``[n, size]``, or InputError."""
    queries = np.ascontiguousarray(codes, np.float32)
    if queries.ndim != 2 or size not in (None, queries.shape[1]):
        raise InputError(f"queries must be of shape [n, {size or 'size'}], not {queries.shape}.")
    if not np.isfinite(queries).all():
        raise InputError("the query's code holds NaN or infinity: use another checkpoint.")
    return queries


def check_finite(codes: np.ndarray, source: str | Path) -> None:
    """InputError, naming ``source``, when one of ``codes [n, size]`` holds NaN or infinity."""
    for first, block in _Rows(codes).blocks():
        _squared_lengths(block, first, source)


def _squared_lengths(block: np.ndarray, first: int, source: str | Path) -> np.ndarray:
    lengths = np.einsum("ij,ij->i", block, block)
    if not np.isfinite(lengths).all():
        row = first + int(np.argmin(np.isfinite(lengths)))
        raise InputError(
            f"{source}: the code in row {row} holds NaN, infinity or numbers too "
            "large: encode it again (photographs: index them with --force)."
        )
    return lengths


class _Rows:
    """A matrix that is read block by block.

    Args:
        codes: float32 or float16 ``[n, size]``.
    """

    def __init__(self, codes: np.ndarray) -> None:
        self.codes = codes
        self._source = getattr(codes, "filename", None) or "the index"
        self.dtype, self.shape = codes.dtype, codes.shape
        self.at_once = max(1, BLOCK_BYTES // (4 * max(1, codes.shape[1])))
        self._longest: np.ndarray | None = None

    def blocks(self) -> Iterator[tuple[int, np.ndarray]]:
        """Yield (first row, float32 ``[at_once or less, size]``), which the next one overwrites."""
        codes = np.asarray(self.codes)  # no memory map's bookkeeping for each block
        single = codes.dtype == np.float32
        room = None if single else np.empty((self.at_once, self.shape[1]), np.float32)
        for first in range(0, len(codes), self.at_once):
            block = codes[first : first + self.at_once]
            if room is not None:
                room[: len(block)] = block
                block = room[: len(block)]
            yield first, block

    def longest(self, columns: Sequence[slice]) -> np.ndarray:
        """The longest row in each of these columns, ``[len(columns), size]``.

        Found, and all rows checked to be finite, once: an index asks for the same columns always.
        """
        if self._longest is None:
            found: list[tuple[float, int]] = [(-1.0, 0)] * len(columns)
            for first, block in self.blocks():
                for part, among in enumerate(columns):
                    lengths = _squared_lengths(block[:, among], first, self._source)
                    if lengths.max() > found[part][0]:
                        found[part] = lengths.max(), first + int(lengths.argmax())
            self._longest = np.asarray(self.codes[[row for _, row in found]], np.float32)
        return self._longest


def _search(
    rows: _Rows, queries: np.ndarray, k: int, measure: Scorer
) -> tuple[np.ndarray, np.ndarray]:
    """(places int64 ``[n, k]``, scores float64 ``[n, k]``): the best of ``rows``."""
    k = min(k, rows.shape[0])
    if not len(queries) or k < 1:
        return np.empty((len(queries), 0), np.int64), np.empty((len(queries), 0))
    longest = rows.longest(measure.columns)
    lists = [
        _Shortlist(rows.codes, query, k, measure, measure.slack(longest, query[None]))
        for query in queries
    ]
    scan = measure.scanner(queries, rows.at_once)
    for first, block in rows.blocks():
        scores = scan(block)
        best = scores.max(axis=1)
        for shortlist, highest, line in zip(lists, best, scores):
            if highest >= shortlist.floor:
                shortlist.offer(first, line)
    decided = [shortlist.decide() for shortlist in lists]
    return np.stack([places for places, _ in decided]), np.stack([scores for _, scores in decided])


class _Shortlist:
    """The rows that may be among the ``k`` best for one query.

    Args:
        codes: all rows.
        query: float32 ``[size]``.
        k: how many are wanted.
        measure: scores pairs in double precision.
        slack: how far a score in single precision may be from that.

    Attributes:
        floor: a row with a lower score in single precision is not among them.
    """

    def __init__(
        self, codes: np.ndarray, query: np.ndarray, k: int, measure: Scorer, slack: float
    ) -> None:
        self._codes, self._query, self._k = codes, query, k
        self._measure, self._slack = measure, slack
        self._places = np.empty(0, np.int64)
        self._scores = np.empty(0, np.float32)
        self.floor = np.float32(-np.inf)

    def offer(self, first: int, scores: np.ndarray) -> None:
        """Take in what may belong here of rows ``first, first + 1 …``, later than all so far."""
        chosen = np.flatnonzero(scores >= self.floor)
        self._raise_floor(scores[chosen])
        chosen = chosen[scores[chosen] >= self.floor]
        self._places = np.concatenate([self._places, first + chosen])
        self._scores = np.concatenate([self._scores, scores[chosen]])
        self._raise_floor(self._scores)
        self._keep(self._scores >= self.floor)
        if len(self._places) > self._k + _UNDECIDED:
            self._keep(np.sort(top_k(self._exact(), self._k)))

    def _raise_floor(self, scores: np.ndarray) -> None:
        if len(scores) >= self._k:
            floor = np.float32(float(kth_highest(scores, self._k)) - 2 * self._slack)
            self.floor = max(self.floor, np.nextafter(floor, np.float32(-np.inf)))

    def _keep(self, which: np.ndarray) -> None:
        self._places, self._scores = self._places[which], self._scores[which]

    def _exact(self) -> np.ndarray:
        query = np.zeros(len(self._places), np.int64)
        return self._measure.pairs(self._codes, self._query[None], self._places, query)

    def decide(self) -> tuple[np.ndarray, np.ndarray]:
        """(places ``[k]``, float64 scores ``[k]``), best first."""
        exact = self._exact()
        order = top_k(exact, self._k)  # the places are in ascending order
        return self._places[order], exact[order]
