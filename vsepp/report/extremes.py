"""The queries that a model answers best and worst, and what it answers. NumPy only."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from vsepp.metrics.correspondence import GroundTruth, as_correspondence
from vsepp.metrics.similarity import Measure, find_measure
from vsepp.metrics.top_k import scores_of_image, scores_of_text

_BLOCK = 2_000_000  # scores held at a time


class QueryAnswers(NamedTuple):
    """What a query found.

    Attributes:
        query: position of the query.
        rank: of its best right answer, from zero.
        found: positions of the first answers, best first; in a tie, wrong ones first.
        scores: their similarities.
        right: booleans, which of them are right.
        own: the best right answer and its similarity, whether it was found or not.
    """

    query: int
    rank: int
    found: np.ndarray
    scores: np.ndarray
    right: np.ndarray
    own: tuple


def margins(
    images: np.ndarray, texts: np.ndarray, correspondence: GroundTruth, measure: Measure = "cosine"
) -> tuple[np.ndarray, np.ndarray]:
    """How far each query's best right answer lies above its best wrong one.

    Args:
        images: float32 ``[n_images, size]``.
        texts: float32 ``[n_texts, size]``.
        correspondence: which belong together, a ``vsepp.Correspondence``, or the stride.

    Returns:
        (float32 ``[n_images]``, float32 ``[n_texts]``): image → sentence, sentence → image;
        negative where a wrong answer is first, infinite where there is none.
    """
    measure = find_measure(measure)
    relation = as_correspondence(correspondence, images, texts)
    n_images, n_texts = len(images), len(texts)
    i2t = np.empty(n_images, np.float32)
    right, wrong = np.full((2, n_texts), -np.inf, np.float32)
    starts, own_texts = relation.of_images
    step = max(1, _BLOCK // n_texts)
    for start in range(0, n_images, step):
        end = min(start + step, n_images)
        scores = measure.block(images[start:end], texts)
        pairs = slice(starts[start], starts[end])
        own = relation.images[pairs] - start, own_texts[pairs]
        mine = scores[own]
        scores[own] = -np.inf
        i2t[start:end] = np.maximum.reduceat(mine, starts[start:end] - starts[start])
        i2t[start:end] -= scores.max(1)
        np.maximum.at(right, own[1], mine)
        np.maximum(wrong, scores.max(0), out=wrong)
    return i2t, right - wrong


def best_and_worst(ranks, margins, count):
    """Positions of the queries answered best and of those answered worst.

    The rank decides; among equal ranks the margin does, then the position. No query is in
    both lists: with fewer than ``2 * count`` queries each gets half.

    Returns:
        (int array, int array): the best, best first; the worst, worst first.
    """
    places = np.arange(len(ranks))
    best = np.lexsort((places, -margins, ranks))
    worst = np.lexsort((places, margins, -ranks))
    return best[: min(count, (len(ranks) + 1) // 2)], worst[: min(count, len(ranks) // 2)]


def answers_of_image(gallery, image_id, rank, count):
    """The sentences an image finds, as :class:`QueryAnswers`."""
    per_image = gallery.dataset.captions_per_image
    scores = scores_of_image(gallery.images[image_id], gallery.texts, gallery.measure)
    return _answers(image_id, rank, scores, np.arange(len(scores)) // per_image == image_id, count)


def answers_of_text(gallery, index, rank, count):
    """The images a sentence finds, as :class:`QueryAnswers`."""
    scores = scores_of_text(gallery.images, gallery.texts[index], gallery.measure)
    own = np.arange(len(scores)) == gallery.dataset.image_id(index)
    return _answers(index, rank, scores, own, count)


def _answers(query, rank, scores, right, count):
    found = np.lexsort((np.arange(len(scores)), right, -scores))[:count]
    own = int(np.argmax(np.where(right, scores, -np.inf)))
    return QueryAnswers(
        int(query), int(rank), found, scores[found], right[found], (own, float(scores[own]))
    )
