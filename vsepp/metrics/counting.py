"""How many wrong candidates stand before the right ones: what ranks and metrics are made of.

Ranks count from zero. The rank of a query is the number of *wrong* candidates that score at
least as high as its best right one, so ties count against the model and a collapsed model
scores 0. Whether two scores tie is decided in double precision: single precision sorts out
the clear cases, tile by tile of the score matrix, and the few candidates too close to call are
scored again. Both directions are counted from the same tile; the whole matrix is never held.
"""

import threading

import numpy as np

from vsepp.metrics.similarity import find_measure
from vsepp.system.errors import InputError
from vsepp.system.parallel import map_blocks

_IMAGES, _TEXTS = 1024, 1280  # to a tile: 5 MB of scores


def count_wrong(images, texts, captions_per_image, measure="cosine", every_caption=False):
    """How many wrong candidates score at least as high as the right ones.

    Args:
        images: ``[n_images, size]``, each image once.
        texts: ``[n_images * captions_per_image, size]``.
        captions_per_image: the stride.
        measure: a key of ``vsepp.metrics.similarity.MEASURES``, or an ``Ensemble`` from there.
        every_caption: count for each right caption of an image, not just for its best.

    Returns:
        (int64 ``[n_images, 1]``, or ``[n_images, captions_per_image]`` with
        ``every_caption``, right captions by falling score;
        int64 ``[n_texts]``)

    Raises:
        InputError: (a ValueError) on NaN, infinity, or shapes that do not fit.
    """
    _check_shapes(images, texts, captions_per_image)
    count = _Counting(images, texts, captions_per_image, find_measure(measure), every_caption)
    corners = [
        (image, text)
        for text in range(0, len(texts), _TEXTS)
        for image in range(0, len(images), _IMAGES)
    ]
    image_counts = np.zeros(count.image_limits.shape, np.int64)
    text_counts = np.zeros(len(texts), np.int64)
    for (image, text), parts in zip(corners, map_blocks(count.tile, corners)):
        image_counts[image : image + _IMAGES] += parts[0]
        text_counts[text : text + _TEXTS] += parts[1]
    # The caption that fewer wrong ones precede is the one that scores higher.
    return np.sort(image_counts, axis=1), text_counts


def _check_shapes(images, texts, captions_per_image):
    for name, codes in (("image codes", images), ("text codes", texts)):
        if codes.ndim != 2 or not len(codes):
            raise InputError(
                f"the {name} must be a matrix with at least one row, not of shape {codes.shape}."
            )
    if len(texts) != captions_per_image * len(images) or images.shape[1] != texts.shape[1]:
        raise InputError(
            f"image codes {images.shape} and text codes {texts.shape} do not fit "
            f"captions_per_image = {captions_per_image}."
        )


def _check_numbers(images, texts):
    for name, codes in (("image codes", images), ("text codes", texts)):
        if not all(
            np.isfinite(codes[start : start + _TEXTS]).all()
            for start in range(0, len(codes), _TEXTS)
        ):
            raise InputError(
                f"the {name} hold NaN or infinity: the model that made them has "
                "diverged; use an earlier checkpoint or a lower learning rate."
            )


class _Tile(threading.local):
    """Room for a tile, of each thread its own, that all its tiles use in turn.

    The system would take as long to hand out new memory as a tile's counting takes.
    """

    def __init__(self):
        self._scores = np.empty(_IMAGES * _TEXTS, np.float32)
        self._possible, self._clear = np.empty((2, _IMAGES * _TEXTS), bool)

    def arrays(self, rows, columns):
        """(float32, bool, bool), each ``[rows, columns]``, with whatever they held."""
        return tuple(
            memory[: rows * columns].reshape(rows, columns)
            for memory in (self._scores, self._possible, self._clear)
        )


class _Counting:
    """The limits that wrong candidates have to reach, and the counts of one tile.

    A limit is the score of a right answer. It is known in single precision, as the scores of
    a tile are, and worked out in double precision where one of them comes near.
    """

    def __init__(self, images, texts, captions_per_image, measure, every_caption):
        self.images, self.texts = images, texts
        self.stride = captions_per_image
        self.measure = measure
        self.every_caption = every_caption
        self._room = _Tile()
        slack, right = map_blocks(lambda work: work(images, texts), (measure.slack, measure.own))
        if not np.isfinite(slack):  # no more are some of the numbers it comes from
            _check_numbers(images, texts)
        self.slack = 2 * slack  # of a score and of a limit
        self.image_limits = right if every_caption else right.max(axis=1, keepdims=True)
        self.text_limits = right.reshape(-1)

    def _exact_text_limits(self, texts):
        """float64 scores of texts with their own images."""
        return self.measure.pairs(self.images, self.texts, texts // self.stride, texts)

    def _exact_image_limits(self, images, column):
        """float64 limits of images: the score of one right text, or of the best."""
        if self.every_caption:
            return self._exact_text_limits(images * self.stride + column)
        right = images[:, None] * self.stride + np.arange(self.stride)
        return self._exact_text_limits(right.reshape(-1)).reshape(right.shape).max(axis=1)

    def tile(self, corner):
        """Counts of the tile at (image, text): (``[rows, limits per image]``, ``[columns]``)."""
        first_image, first_text = corner
        rows = slice(first_image, first_image + _IMAGES)
        columns = slice(first_text, first_text + _TEXTS)
        images, texts = self.images[rows], self.texts[columns]
        scores, *flags = self._room.arrays(len(images), len(texts))
        self.measure.block(images, texts, out=scores)
        # A query's own right answers are no candidates.
        own = np.arange(len(texts))
        owner = (own + first_text) // self.stride - first_image
        here = (owner >= 0) & (owner < len(images))
        scores[owner[here], own[here]] = -np.inf

        def exact(image, text):
            return self.measure.pairs(images, texts, image, text)

        limits = self.image_limits[rows]
        image_counts = np.empty(limits.shape, np.int64)
        for column, limit in enumerate(limits.T):
            image_counts[:, column] = self._reaching(
                scores,
                flags,
                limit[:, None],
                1,
                exact,
                lambda image: self._exact_image_limits(image + first_image, column),
            )
        return image_counts, self._reaching(
            scores,
            flags,
            self.text_limits[None, columns],
            0,
            exact,
            lambda text: self._exact_text_limits(text + first_text),
        )

    def _reaching(self, scores, flags, limits, axis, exact, exact_limits):
        """How many scores along ``axis`` reach the limits.

        Args:
            scores: float32 tile.
            flags: two bool arrays of its shape, to write to.
            limits: float32 ``[rows, 1]`` for axis 1, ``[1, columns]`` for axis 0.
            exact: from rows and columns of the tile to float64 scores.
            exact_limits: from rows (columns) of the tile to their float64 limits.
        """
        limits = limits.astype(np.float64)
        possible, clear = flags
        np.greater_equal(scores, (limits - self.slack).astype(np.float32), out=possible)
        np.greater(scores, (limits + self.slack).astype(np.float32), out=clear)
        counts = _true_along(clear, axis)
        queries = np.nonzero(counts != _true_along(possible, axis))[0]
        if not len(queries):
            return counts
        unclear = possible.take(queries, 1 - axis)
        unclear ^= clear.take(queries, 1 - axis)
        places = list(np.nonzero(unclear))
        which = places[1 - axis]
        places[1 - axis] = queries[which]
        reached = exact(*places) >= exact_limits(queries)[which]
        return counts + np.bincount(queries[which[reached]], minlength=len(counts))


def _true_along(values, axis):
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
    return np.sum(parts, axis=0, dtype=np.int64)
