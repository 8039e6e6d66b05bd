"""How many wrong candidates stand before the right ones: what ranks and metrics are made of.

Ranks count from zero. The rank of a query is the number of *wrong* candidates that score at
least as high as its best right one, so ties count against the model and a collapsed model
scores 0. Whether two scores tie is decided in double precision: single precision sorts out
the clear cases, tile by tile of the score matrix, and the few candidates too close to call are
scored again. Both directions are counted from the same tile; the whole matrix is never held.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from vsepp.metrics.correspondence import (
    Correspondence,
    GroundTruth,
    Partners,
    as_codes,
    as_correspondence,
    spans,
)
from vsepp.metrics.similarity import Measure, Scorer, find_measure
from vsepp.system.errors import InputError
from vsepp.system.parallel import map_blocks

_LARGEST = 1e16  # whose square, times 2**16 columns, is a number in single precision
_USUAL_SLACK = 1e25
_IMAGES, _TEXTS = 1024, 1280  # to a tile: 5 MB of scores

# from rows of queries and of candidates to their float64 scores
_Pairs = Callable[[np.ndarray, np.ndarray], np.ndarray]


class WrongCounts(NamedTuple):
    """How many wrong candidates stand before each right answer of each query of one direction.

    Attributes:
        counts: int64 ``[n_right]``, query by query, of a query's right answers by falling score.
        starts: int64 ``[n_queries + 1]``: those of query ``q`` are
            ``counts[starts[q] : starts[q + 1]]``.
    """

    counts: np.ndarray
    starts: np.ndarray

    @classmethod
    def of(cls, queries: WrongCounts | Sequence) -> WrongCounts:
        """Of one sequence of counts for each query, such as an int array ``[n_queries, R]``."""
        if isinstance(queries, cls):
            return queries
        starts = np.cumsum([0, *map(len, queries)])
        return cls(np.concatenate([np.asarray(query, np.int64) for query in queries]), starts)

    @property
    def ranks(self) -> np.ndarray:
        """int64 ``[n_queries]``, from zero: of each query's best right answer."""
        return self.counts[self.starts[:-1]]

    @property
    def sizes(self) -> np.ndarray:
        """int64 ``[n_queries]``: how many right answers each query has."""
        return np.diff(self.starts)


def count_wrong(
    images: np.ndarray,
    texts: np.ndarray,
    correspondence: GroundTruth,
    measure: Measure = "cosine",
    every_answer: bool = False,
) -> tuple[WrongCounts, WrongCounts]:
    """How many wrong candidates score at least as high as the right ones.

    Args:
        images: ``[n_images, size]``, each image once.
        texts: ``[n_texts, size]``.
        correspondence: a ``vsepp.metrics.correspondence.Correspondence``, or the stride
            ``captions_per_image``.
        measure: a key of ``vsepp.metrics.similarity.MEASURES``, or an ``Ensemble`` from there.
        every_answer: count for each right answer of a query, not just for its best.

    Returns:
        (of every image, of every text)

    Raises:
        InputError: (a ValueError) on NaN, infinity, or shapes that do not fit.
    """
    images, texts = as_codes("image codes", images), as_codes("text codes", texts)
    correspondence = as_correspondence(correspondence, images, texts)
    count = _Counting(images, texts, correspondence, find_measure(measure), every_answer)
    corners = [
        (image, text)
        for text in range(0, len(texts), _TEXTS)
        for image in range(0, len(images), _IMAGES)
    ]
    totals = [np.zeros(len(way.limits), np.int64) for way in count.ways]
    for corner, parts in zip(corners, map_blocks(count.tile, corners)):
        for total, way, first, part in zip(totals, count.ways, corner, parts):
            begin = way.starts[first]
            total[begin : begin + len(part)] += part
    of_images, of_texts = (
        _by_falling_score(total, way.starts) for total, way in zip(totals, count.ways)
    )
    return of_images, of_texts


def _by_falling_score(counts: np.ndarray, starts: np.ndarray) -> WrongCounts:
    """The right answer that fewer wrong ones precede is the one that scores higher."""
    sizes = np.diff(starts)
    if len(counts) > len(sizes):
        counts = counts[np.lexsort((counts, np.repeat(np.arange(len(sizes)), sizes)))]
    return WrongCounts(counts, starts)


def check_numbers(images: np.ndarray, texts: np.ndarray) -> None:
    """InputError for codes that hold NaN, infinity, or numbers too large to be scored."""
    for name, codes in (("image codes", images), ("text codes", texts)):
        # Both ends are NaN where any number is.
        ends = np.array([codes.min(initial=0), codes.max(initial=0)])
        if not np.isfinite(ends).all():
            raise InputError(
                f"the {name} hold NaN or infinity: the model that made them has "
                "diverged; use an earlier checkpoint or a lower learning rate."
            )
        if np.abs(ends).max() > _LARGEST:
            raise InputError(
                f"the {name} hold the number {ends[np.abs(ends).argmax()]:g}, whose products "
                "single precision cannot hold: divide all codes by their largest length."
            )


class _Tile(threading.local):
    """Room for a tile, of each thread its own, that all its tiles use in turn.

    The system would take as long to hand out new memory as a tile's counting takes.
    """

    def __init__(self) -> None:
        self._scores = np.empty(_IMAGES * _TEXTS, np.float32)
        self._flags = np.empty((2, _IMAGES * _TEXTS), bool)

    def scores(self, rows: int, columns: int) -> np.ndarray:
        """float32 ``[rows, columns]`` with whatever it held."""
        return self._scores[: rows * columns].reshape(rows, columns)

    def flags(self, rows: int, columns: int) -> tuple[np.ndarray, ...]:
        """Two bool arrays ``[rows, columns]`` with whatever they held."""
        return tuple(memory[: rows * columns].reshape(rows, columns) for memory in self._flags)


class _Way:
    """One direction: its queries, and the limits that wrong candidates have to reach.

    A limit is the score of a right answer, or of the best one. It is known in single precision,
    as the scores of a tile are, and worked out in double precision where one comes near.

    Args:
        axis: of a tile, along which this direction's candidates stand.
        partners: the right answers.
        right: float32 ``[n_pairs]``, their scores.
        pairs: from rows of queries and of candidates to float64 scores.
        every: each right answer is a limit, not just a query's best.

    Attributes:
        limits: float32.
        starts: int64 ``[n_queries + 1]``: the limits of query ``q`` are
            ``limits[starts[q] : starts[q + 1]]``.
    """

    def __init__(
        self, axis: int, partners: Partners, right: np.ndarray, pairs: _Pairs, every: bool
    ) -> None:
        self.axis = axis
        self.pairs = pairs
        self._partners, self._every = partners, every
        if every:
            self.starts, self.limits = partners.starts, right
        else:
            self.starts = np.arange(len(partners.starts))
            self.limits = np.maximum.reduceat(right, partners.starts[:-1])

    def rounds(self, first: int, count: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Each of ``count`` queries from ``first`` in one limit after the other.

        Yields:
            (which of the queries have one more limit, where that stands)
        """
        starts = self.starts[first : first + count + 1]
        sizes = np.diff(starts)
        for number in range(sizes.max()):
            which = np.flatnonzero(sizes > number)
            yield which, starts[which] + number

    def exact_limits(self, queries: np.ndarray, places: np.ndarray) -> np.ndarray:
        """The limits at ``places``, of these queries, in double precision."""
        rows = self._partners.rows
        if self._every:
            return self.pairs(queries, rows[places])
        among, sizes = spans(self._partners.starts, queries)
        scores = self.pairs(np.repeat(queries, sizes), rows[among])
        return np.maximum.reduceat(scores, np.cumsum(sizes) - sizes)


class _Counting:
    """Both directions, and the counts of one tile."""

    def __init__(
        self,
        images: np.ndarray,
        texts: np.ndarray,
        correspondence: Correspondence,
        measure: Scorer,
        every_answer: bool,
    ) -> None:
        self.images, self.texts = images, texts
        self.measure = measure
        self._room = _Tile()
        works: tuple[Callable[[], Any], ...] = (
            lambda: measure.slack(images, texts),
            lambda: _right_scores(images, texts, correspondence, measure),
        )
        slack, right = map_blocks(lambda work: work(), works)
        # Of single precision, numbers that are none or too large show in the slack.
        if not slack < _USUAL_SLACK or np.float64 in (images.dtype, texts.dtype):
            check_numbers(images, texts)
        self.slack = 2 * slack  # of a score and of a limit
        self._right = correspondence.of_texts
        self._right_texts = correspondence.texts[correspondence.text_order]

        def pairs(image: np.ndarray, text: np.ndarray) -> np.ndarray:
            return measure.pairs(images, texts, image, text)

        self.ways = (
            _Way(1, correspondence.of_images, right, pairs, every_answer),
            _Way(
                0,
                correspondence.of_texts,
                right[correspondence.text_order],
                lambda text, image: pairs(image, text),
                every_answer,
            ),
        )

    def tile(self, corner: tuple[int, int]) -> list[np.ndarray]:
        """Counts of the tile at (image, text), of each direction's limits within it."""
        first_image, first_text = corner
        images = self.images[first_image : first_image + _IMAGES]
        texts = self.texts[first_text : first_text + _TEXTS]
        scores = self._room.scores(len(images), len(texts))
        self.measure.block(images, texts, out=scores)
        # A query's own right answers are no candidates.
        own = slice(*self._right.starts[[first_text, first_text + len(texts)]])
        owner = self._right.rows[own] - first_image
        here = (owner >= 0) & (owner < len(images))
        scores[owner[here], self._right_texts[own][here] - first_text] = -np.inf

        return [
            self._count(way, scores, first, others)
            for way, first, others in zip(self.ways, corner, corner[::-1])
        ]

    def _count(self, way: _Way, scores: np.ndarray, first: int, first_candidate: int) -> np.ndarray:
        """How many scores of a tile reach each limit of the queries that have a line in it."""
        count = scores.shape[1 - way.axis]
        begin, end = way.starts[[first, first + count]]
        counts = np.empty(end - begin, np.int64)
        for which, places in way.rounds(first, count):
            counts[places - begin] = self._reaching(
                # Queries may have unequal numbers of limits: later rounds are of fewer queries.
                scores if len(which) == count else scores.take(which, 1 - way.axis),
                np.expand_dims(way.limits[places], way.axis),
                way.axis,
                lambda query, candidate: way.pairs(
                    first + which[query], first_candidate + candidate
                ),
                lambda query: way.exact_limits(first + which[query], places[query]),
            )
        return counts

    def _reaching(
        self,
        scores: np.ndarray,
        limits: np.ndarray,
        axis: int,
        exact: _Pairs,
        exact_limits: Callable[[np.ndarray], np.ndarray],
    ) -> np.ndarray:
        """How many scores along ``axis`` reach the limits.

        Args:
            scores: float32 tile.
            limits: float32 ``[rows, 1]`` for axis 1, ``[1, columns]`` for axis 0.
            exact: from queries and candidates, by their place in the tile, to float64 scores.
            exact_limits: from queries, likewise, to their float64 limits.
        """
        limits = limits.astype(np.float64)
        possible, clear = self._room.flags(*scores.shape)
        np.greater_equal(scores, (limits - self.slack).astype(np.float32), out=possible)
        np.greater(scores, (limits + self.slack).astype(np.float32), out=clear)
        counts = _true_along(clear, axis)
        queries = np.nonzero(counts != _true_along(possible, axis))[0]
        if not len(queries):
            return counts
        unclear = possible.take(queries, 1 - axis)
        unclear ^= clear.take(queries, 1 - axis)
        places = np.nonzero(unclear)
        which, candidates = places[1 - axis], places[axis]
        reached = exact(queries[which], candidates) >= exact_limits(queries)[which]
        return counts + np.bincount(queries[which[reached]], minlength=len(counts))


def _right_scores(
    images: np.ndarray, texts: np.ndarray, correspondence: Correspondence, measure: Scorer
) -> np.ndarray:
    """float32 ``[n_pairs]``: of each image with its right texts."""
    if correspondence.captions_per_image:
        return measure.own(images, texts).reshape(-1)
    return measure.pairs(
        images, texts, correspondence.images, correspondence.texts, dtype=np.float32
    )


def _true_along(values: np.ndarray, axis: int) -> np.ndarray:
    """int64 counts of True along an axis of a tile, whose sides are below 2,040.

    Bytes are added eight at a time, as one word; no byte of a sum may pass 255.
    """
    if axis == 1:
        whole = values.shape[1] // 8 * 8
        words = np.add.reduce(values[:, :whole].view(np.uint64), axis=1)
        return words.view(np.uint8).reshape(-1, 8).sum(1) + values[:, whole:].sum(1)
    parts = [
        np.add.reduce(values[start : start + 255].view(np.uint8), axis=0, dtype=np.uint8)
        for start in range(0, len(values), 255)
    ]
    return np.add.reduce(parts, axis=0, dtype=np.int64)
