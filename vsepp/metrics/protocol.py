"""Scoring a split's codes, of one model or an ensemble, under a protocol. No Paddle here."""

from typing import NamedTuple

import numpy as np

from vsepp.metrics.bootstrap import Ranks
from vsepp.metrics.counting import count_wrong
from vsepp.metrics.scores import count_folds, mean_metrics, metrics_of_counts
from vsepp.metrics.similarity import Ensemble
from vsepp.system.atomic import atomic_path
from vsepp.system.errors import InputError

FOLD = 1000  # images


class Score(NamedTuple):
    """What :func:`score` returns.

    Attributes:
        metrics: see ``vsepp.metrics.scores.metrics_of_counts``.
        ranks: ``vsepp.metrics.bootstrap.Ranks``; with folds, of the images that are in one.
        protocol: in words.
    """

    metrics: dict
    ranks: Ranks
    protocol: str


def ensemble_codes(galleries):
    """Codes side by side and the measure that reads them, so that similarities are averaged.

    Args:
        galleries: one or more ``vsepp.retrieval.gallery.Gallery`` of the same split, one per model.

    Returns:
        (``[n_images, sum of sizes]``, ``[n_captions, sum of sizes]``, measure); a single
        gallery's codes and measure as they are.

    Raises:
        InputError: when the models do not share one measure.
    """
    first = galleries[0]
    if len(galleries) == 1:
        return first.images, first.texts, first.measure
    measures = sorted({gallery.measure for gallery in galleries})
    if len(measures) > 1:
        raise InputError(
            f"an ensemble cannot mix the measures {' and '.join(measures)}, whose "
            "similarities are on different scales: give checkpoints of one measure."
        )
    widths = [gallery.images.shape[1] for gallery in galleries]
    images, texts = (
        np.concatenate(codes, axis=1)
        for codes in zip(*((gallery.images, gallery.texts) for gallery in galleries))
    )
    return images, texts, Ensemble(first.measure, widths)


def score(galleries, folds=False):
    """Every metric and every query's rank.

    Args:
        galleries: of the same split: one, or several whose similarities are averaged.
        folds: means over consecutive folds of 1,000 images (COCO's 1K) instead of all images.

    Returns:
        Score

    Raises:
        InputError: when there is not one whole fold, or measures are mixed.
    """
    images, texts, measure = ensemble_codes(galleries)
    captions_per_image = galleries[0].dataset.captions_per_image
    if not folds:
        counts = count_wrong(images, texts, captions_per_image, measure, every_answer=True)
        return Score(
            metrics_of_counts(*counts),
            Ranks(*(way.ranks for way in counts)),
            f"all {_images(len(images))}",
        )
    parts = count_folds(images, texts, captions_per_image, measure, FOLD)
    ranks = Ranks(
        np.concatenate([part[0].ranks for part in parts]),
        np.concatenate([part[1].ranks for part in parts]),
        len(parts),
    )
    protocol = f"{len(parts)} {'fold' if len(parts) == 1 else 'folds'} of {FOLD:,} images, means"
    left = len(images) - FOLD * len(parts)
    if left:
        protocol += f" (the last {_images(left)} left out)"
    return Score(mean_metrics([metrics_of_counts(*part) for part in parts]), ranks, protocol)


def _images(count):
    return f"{count:,} {'image' if count == 1 else 'images'}"


def save_ranks(path, ranks, about):
    """Write every query's rank as ``.npz``, readable by ``numpy.load`` without pickles.

    Args:
        path: the file.
        ranks: ``Ranks``: ``i2t [n_images]``, ``t2i [n_captions]``, from zero, and ``folds``.
        about: ``{name: text, number or list of texts}`` saved beside them, such as the split and
            the checkpoint.
    """
    with atomic_path(path) as temporary:
        with open(temporary, "wb") as file:
            np.savez(
                file, **ranks._asdict(), **{name: np.array(value) for name, value in about.items()}
            )
