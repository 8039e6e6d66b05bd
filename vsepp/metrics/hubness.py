"""Scores corrected for hubness: what fits every query counts for less. NumPy only.

Some images are near to nearly every sentence, and some sentences to nearly every image: hubs, which
high-dimensional spaces have many of (Radovanović et al., JMLR 2010), stand before right answers.
Here a score is the mean of its log-softmax over the sentences and that over the images, the scores
being divided by their spread and multiplied by a temperature (the β, or inverse temperature, of
others): Smith et al., ICLR 2017 (inverted softmax); Cheng et al., arXiv:2109.04290 (dual softmax);
Bogolin et al., CVPR 2022 (querybank normalisation, where a bank of sentences stands for the other
queries).

What either softmax divides by depends on the image alone or on the sentence alone. So the
correction is one number for each, taken from the similarity of their pairs: two further columns of
the codes, which everything that counts or searches then reads as any other codes.

It looks at the other queries, which a single query would not have: no score that chooses a model
or is compared with others' is made so.
"""

from __future__ import annotations

from typing import Iterable, NamedTuple, Sequence, Tuple

import numpy as np

from vsepp.metrics.correspondence import GroundTruth, as_codes, as_correspondence
from vsepp.metrics.scores import all_metrics, fold_slices, mean_metrics
from vsepp.metrics.similarity import Ensemble, Measure, Scorer, find_measure
from vsepp.system.errors import InputError
from vsepp.system.parallel import map_blocks

TEMPERATURE = 3.0  # where none is chosen: validation chose from 2 to 4
TEMPERATURES = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0)  # to choose from
_IMAGES, _TEXTS = 1024, 1280  # to a tile


class Hubs(NamedTuple):
    """What is taken from a pair's similarity: of its image and of its text, in turn.

    Attributes:
        images: float32 ``[n_images]``, zero in the mean.
        texts: float32 ``[n_texts]``, likewise.
    """

    images: np.ndarray
    texts: np.ndarray


Corrected = Tuple[np.ndarray, np.ndarray, Ensemble]  # codes of images and texts, and their measure


def hubs(
    images: np.ndarray, texts: np.ndarray, measure: Measure, temperatures: Sequence[float]
) -> list[Hubs]:
    """How much of a hub each image and each text is, at every temperature.

    Args:
        images: ``[n_images, size]``; a memory-mapped array is read block by block.
        texts: ``[n_texts, size]``.
        measure: see ``vsepp.metrics.similarity.find_measure``.
        temperatures: what the scores, divided by their standard deviation, are multiplied by.
    """
    scorer = find_measure(measure)
    corners = [
        (image, text)
        for text in range(0, len(texts), _TEXTS)
        for image in range(0, len(images), _IMAGES)
    ]

    def block(corner: tuple[int, int]) -> np.ndarray:
        image, text = corner
        return scorer.block(images[image : image + _IMAGES], texts[text : text + _TEXTS])

    spread = _spread(map_blocks(lambda corner: _moments(block(corner)), corners))
    if spread <= _rounding(scorer, images, texts):  # all alike: there is nothing to correct
        return [
            Hubs(np.zeros(len(images), np.float32), np.zeros(len(texts), np.float32))
            for _ in temperatures
        ]

    def softmaxes(corner: tuple[int, int]) -> list[list[np.ndarray]]:
        scores = block(corner)
        return [
            [_log_sum(scores * np.float32(temperature / spread), axis) for axis in (1, 0)]
            for temperature in temperatures
        ]

    totals = [(np.full(len(images), -np.inf), np.full(len(texts), -np.inf)) for _ in temperatures]
    for corner, parts in zip(corners, map_blocks(softmaxes, corners)):
        for total, part in zip(totals, parts):
            for whole, first, values in zip(total, corner, part):
                there = whole[first : first + len(values)]
                np.logaddexp(there, values, out=there)
    return [
        Hubs(*((spread / (2 * value) * (way - way.mean())).astype(np.float32) for way in total))
        for value, total in zip(temperatures, totals)
    ]


def _moments(scores: np.ndarray) -> np.ndarray:
    """Count, sum and sum of squares."""
    flat = scores.reshape(-1).astype(np.float64)
    return np.array([len(flat), flat.sum(), flat @ flat])


def _spread(moments: Iterable[np.ndarray]) -> float:
    count, total, squares = np.sum(list(moments), axis=0)
    return float(np.sqrt(max(0.0, squares / count - (total / count) ** 2)))


def _rounding(scorer: Scorer, images: np.ndarray, texts: np.ndarray) -> float:
    """How far scores of equal pairs may be apart."""
    texts = np.asarray(texts, np.float32)
    blocks = (images[start : start + _IMAGES] for start in range(0, len(images), _IMAGES))
    return 2 * max(scorer.slack(np.asarray(part, np.float32), texts) for part in blocks)


def _log_sum(scores: np.ndarray, axis: int) -> np.ndarray:
    """The logarithm of the sum of exponentials along an axis of a tile."""
    highest = scores.max(axis, keepdims=True)
    scores = scores - highest
    np.exp(scores, out=scores)
    return np.log(scores.sum(axis, dtype=np.float64)) + highest.astype(np.float64).reshape(-1)


def with_hubs(images: np.ndarray, texts: np.ndarray, measure: Measure, of: Hubs) -> Corrected:
    """Codes and a measure whose similarity is the corrected one.

    Args:
        images: ``[n_images, size]``.
        texts: ``[n_texts, size]``.
        measure: the one of these codes.
        of: see :func:`hubs`.
    """
    if isinstance(measure, Ensemble):
        names = [each.name for each in measure.measures]
        widths = [part.stop - part.start for part in measure.columns]
    else:
        names, widths = [find_measure(measure).name], [images.shape[1]]
    # (code, -hub, 1) · (code, 1, -hub): the dot product of the last two takes both away
    ones = np.ones(len(images), np.float32), np.ones(len(texts), np.float32)
    return (
        np.concatenate([images, np.stack([-of.images, ones[0]], 1)], axis=1),
        np.concatenate([texts, np.stack([ones[1], -of.texts], 1)], axis=1),
        Ensemble([*names, "cosine"], [*widths, 2]),
    )


def corrected(
    images: np.ndarray, texts: np.ndarray, measure: Measure, temperature: float
) -> Corrected:
    """:func:`with_hubs` of these images and texts themselves."""
    (found,) = hubs(images, texts, measure, [temperature])
    return with_hubs(images, texts, measure, found)


def corrected_metrics(
    images: np.ndarray,
    texts: np.ndarray,
    correspondence: GroundTruth,
    measure: Measure = "cosine",
    temperature: float = TEMPERATURE,
    fold: int | None = None,
) -> dict:
    """``vsepp.metrics.scores.all_metrics`` of the corrected scores.

    Args:
        images, texts, correspondence, measure: as there.
        temperature: see :func:`hubs`.
        fold: means over consecutive folds of so many images, each corrected by its own queries.
    """
    images, texts = as_codes("image codes", images), as_codes("text codes", texts)
    truth = as_correspondence(correspondence, images, texts)
    if fold is None:
        rows, columns, scorer = corrected(images, texts, measure, temperature)
        return all_metrics(rows, columns, truth, scorer)
    stride, parts = fold_slices(truth, fold)
    return mean_metrics(
        [
            corrected_metrics(images[some], texts[theirs], stride, measure, temperature)
            for some, theirs in parts
        ]
    )


def choose_temperature(
    images: np.ndarray,
    texts: np.ndarray,
    correspondence: GroundTruth,
    measure: Measure = "cosine",
    temperatures: Sequence[float] = TEMPERATURES,
) -> float:
    """The temperature that gives codes, of a validation split, the highest rsum; of equals the
    lowest."""
    images, texts = as_codes("image codes", images), as_codes("text codes", texts)
    sums = []
    for found in hubs(images, texts, measure, temperatures):
        rows, columns, scorer = with_hubs(images, texts, measure, found)
        sums.append(all_metrics(rows, columns, correspondence, scorer)["rsum"])
    return float(temperatures[int(np.argmax(sums))])


def check_temperature(value: float, option: str) -> float:
    """``value`` where it can be a temperature; InputError, with the option's name, else."""
    if not 0 < value <= 1000:
        raise InputError(
            f"{option} {value:g}: a temperature is above 0 and at most 1000; 2 to 4 are usual."
        )
    return value
