"""Scoring codes, of one model or an ensemble, under a protocol."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Iterable, Optional, Sequence

import numpy as np

from vsepp.metrics.bootstrap import Ranks
from vsepp.metrics.correspondence import GroundTruth, as_codes, as_correspondence
from vsepp.metrics.counting import count_wrong
from vsepp.metrics.equal_texts import EqualTexts
from vsepp.metrics.hubness import choose_temperature, corrected_metrics
from vsepp.metrics.result import RetrievalResult
from vsepp.metrics.scores import all_metrics, count_folds, mean_metrics, metrics_of_counts
from vsepp.metrics.similarity import Ensemble, Measure, find_measure
from vsepp.system.errors import InputError

FOLD = 1000  # images
MIRRORED = "mirror image averaged"  # said of scores under test_flip


def ensemble_codes(galleries: Sequence) -> tuple[np.ndarray, np.ndarray, Measure]:
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


def evaluate_codes(
    images: np.ndarray,
    texts: np.ndarray,
    correspondence: GroundTruth,
    measure: Measure = "cosine",
    folds: bool = False,
    dataset: Optional[str] = None,
    split: Optional[str] = None,
    checkpoints: Iterable = (),
    fingerprints: Iterable[str] = (),
    remark: Optional[str] = None,
) -> RetrievalResult:
    """Every metric and every query's rank, of codes from wherever.

    Args:
        images: ``[n_images, size]``, each image once.
        texts: ``[n_texts, size]``.
        correspondence: which texts are right for which images, many to many: a
            ``vsepp.Correspondence``; or a stride, ``captions_per_image``.
        measure: ``cosine`` (the dot product of the codes as they are), ``order``, or a
            ``vsepp.metrics.similarity.Ensemble``.
        folds: means over consecutive folds of 1,000 images (COCO's 1K) instead of all images.
        dataset, split, checkpoints, fingerprints: what the codes are of, as it is to be printed.
        remark: what more is to be said of the protocol.

    Raises:
        InputError: (a ValueError) on NaN, infinity or shapes that do not fit; with folds, when
            there is not one whole fold, or the correspondence is not a stride.
    """
    images, texts = as_codes("image codes", images), as_codes("text codes", texts)
    correspondence = as_correspondence(correspondence, images, texts)
    if folds:
        parts = count_folds(images, texts, correspondence, measure, FOLD)
        i2t, t2i = (np.concatenate([way.ranks for way in ways]) for ways in zip(*parts))
        ranks = Ranks(i2t, t2i, len(parts))
        metrics = mean_metrics([metrics_of_counts(*part) for part in parts])
        protocol = (
            f"{len(parts)} {'fold' if len(parts) == 1 else 'folds'} of {FOLD:,} images, means"
        )
        left = len(images) - FOLD * len(parts)
        if left:
            protocol += f" (the last {_images(left)} left out)"
    else:
        counts = count_wrong(images, texts, correspondence, measure, every_answer=True)
        stride = correspondence.captions_per_image
        i2t, t2i = (way.ranks for way in counts)
        ranks = Ranks(i2t, t2i, correspondence=None if stride else correspondence)
        metrics, protocol = metrics_of_counts(*counts), f"all {_images(len(images))}"
    if remark:
        protocol += f", {remark}"
    return RetrievalResult(
        metrics,
        ranks,
        len(images),
        len(texts),
        protocol,
        find_measure(measure).name,
        correspondence.captions_per_image,
        dataset,
        split,
        tuple(map(str, checkpoints)),
        tuple(fingerprints),
    )


def score(
    galleries: Sequence,
    folds: bool = False,
    models: Sequence = (),
    equal: Optional[EqualTexts] = None,
    equal_right: bool = False,
    **about: Any,
) -> RetrievalResult:
    """:func:`evaluate_codes` of a split.

    Args:
        galleries: of the same split: one, or several whose similarities are averaged.
        folds: see :func:`evaluate_codes`.
        models: ``vsepp.RetrievalModel`` that the codes are of: their ``checkpoint`` and
            ``fingerprint`` are named, and whether they average over mirror images.
        equal: which captions of the split are word for word equal, to be stated.
        equal_right: count a caption as right for every image that has it.
        about: ``dataset`` and ``split``.

    Raises:
        InputError: when there is not one whole fold, when measures are mixed, or with folds where
            equal captions count as right and there are any.
    """
    images, texts, measure = ensemble_codes(galleries)
    stride = galleries[0].dataset.captions_per_image
    result = evaluate_codes(
        images,
        texts,
        equal.correspondence() if equal and equal_right else stride,
        measure,
        folds,
        checkpoints=[model.checkpoint for model in models],
        fingerprints=[model.fingerprint for model in models],
        remark=_mirroring(models),
        **about,
    )
    if equal is None:
        return result
    stated: dict = {"captions": equal.captions, "sentences": equal.sentences}
    stated["counted"] = "right" if equal_right else "wrong"
    if equal_right:
        result = replace(result, protocol=f"{result.protocol}, equal captions right")
    elif equal.captions and not folds:
        stated["rsum_right"] = all_metrics(images, texts, equal.correspondence(), measure)["rsum"]
    return replace(result, equal_captions=stated)


def with_hubness(
    result: RetrievalResult,
    galleries: Sequence,
    folds: bool = False,
    equal: Optional[EqualTexts] = None,
    temperature: Optional[float] = None,
    chosen_on: Optional[str] = None,
    validation: Sequence = (),
) -> RetrievalResult:
    """The same with the scores of its codes after hubness correction, apart from all others.

    Args:
        result: what :func:`score` made of ``galleries`` and ``folds``.
        equal: counted as right where given.
        temperature: see ``vsepp.metrics.hubness``; None: the one that is best on ``validation``.
        validation: galleries of the same models over the split ``chosen_on``.
    """
    if temperature is None:
        codes, stride = ensemble_codes(validation), validation[0].dataset.captions_per_image
        temperature = choose_temperature(*codes[:2], stride, codes[2])
    images, texts, measure = ensemble_codes(galleries)
    truth = equal.correspondence() if equal else galleries[0].dataset.captions_per_image
    metrics = corrected_metrics(images, texts, truth, measure, temperature, FOLD if folds else None)
    about = {"temperature": temperature, "chosen_on": chosen_on}
    return replace(result, hubness={**about, **metrics})


def _mirroring(models: Sequence) -> Optional[str]:
    """What is said of models of which some or all average over a photograph and its mirror image,
    or None."""
    flipping = sum(model.config.test_flip for model in models)
    if not flipping:
        return None
    some = "" if flipping == len(models) else f" in {flipping} of {len(models)} models"
    return f"{MIRRORED}{some}"


def _images(count: int) -> str:
    return f"{count:,} {'image' if count == 1 else 'images'}"
