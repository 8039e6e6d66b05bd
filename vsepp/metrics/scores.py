"""Retrieval metrics in NumPy: ranks, Recall@K, median and mean rank, mAP@R, rsum.

Which texts are right for which images is a ``Correspondence``, or a stride: caption ``j`` belongs
to image ``j // captions_per_image``. ``compute_ranks`` and ``calc_recall`` know the stride alone,
and take codes in caption order with images repeated ``captions_per_image`` times.

Ranks count from zero and ties count against the model, see ``vsepp.metrics.counting``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vsepp.metrics.correspondence import Correspondence, GroundTruth, as_codes, whole_number
from vsepp.metrics.counting import WrongCounts, count_wrong
from vsepp.metrics.similarity import Measure
from vsepp.system.errors import InputError

WAYS = ("i2t", "t2i")
RECALLS = (1, 5, 10)
RECALL_NAMES = tuple(f"r{k}_{way}" for k in RECALLS for way in WAYS)


def _one_row_per_image(
    image_codes: Any, text_codes: Any, captions_per_image: int
) -> tuple[np.ndarray, np.ndarray]:
    """The codes in caption order, checked, with each image kept once."""
    captions_per_image = whole_number("captions_per_image", captions_per_image)
    image_codes = as_codes("image codes", image_codes)
    text_codes = as_codes("text codes", text_codes)
    if (
        image_codes.shape != text_codes.shape
        or captions_per_image < 1
        or len(text_codes) % captions_per_image
    ):
        raise InputError(
            f"image_codes {image_codes.shape} and text_codes {text_codes.shape} must be of one "
            f"shape with a multiple of captions_per_image = {captions_per_image} rows."
        )
    return image_codes[::captions_per_image], text_codes


def compute_ranks(
    image_codes: np.ndarray,
    text_codes: np.ndarray,
    captions_per_image: int,
    measure: Measure = "cosine",
) -> tuple[np.ndarray, np.ndarray]:
    """Ranks of every image's and every caption's right answers.

    Args:
        image_codes: ``[n_captions, size]``, in caption order, each image repeated.
        text_codes: ``[n_captions, size]``.
        captions_per_image: the stride.
        measure: ``cosine`` (dot product of the codes as given) or ``order``.

    Returns:
        (int64 ``[n_images]``, int64 ``[n_captions]``): image → text ranks of each image's
        best caption, text → image ranks; from zero.

    Raises:
        InputError: (a ValueError) on NaN, infinity, or shapes that do not fit.

    >>> codes = np.eye(3, dtype=np.float32)
    >>> compute_ranks(codes, codes[[1, 0, 2]], 1)
    (array([2, 2, 0]), array([2, 2, 0]))
    """
    images, texts = _one_row_per_image(image_codes, text_codes, captions_per_image)
    i2t, t2i = count_wrong(images, texts, captions_per_image, measure)
    return i2t.ranks, t2i.ranks


def recall_at(ranks: np.ndarray, k: int) -> float:
    """R@K: percentage of queries whose rank, of ``ranks [n_queries]``, is below ``k``."""
    return 100.0 * float(np.mean(np.asarray(ranks) < k))


def calc_recall(
    image_codes: np.ndarray,
    text_codes: np.ndarray,
    captions_per_image: int,
    measure: Measure = "cosine",
) -> tuple[float, ...]:
    """Recall@1, 5 and 10 in both directions.

    The arguments are those of :func:`compute_ranks`.

    Returns:
        ``(r1_i2t, r1_t2i, r5_i2t, r5_t2i, r10_i2t, r10_t2i)`` in percent.
    """
    i2t, t2i = compute_ranks(image_codes, text_codes, captions_per_image, measure)
    return tuple(recall_at(ranks, k) for k in RECALLS for ranks in (i2t, t2i))


def median_rank(ranks: np.ndarray, authors: bool = False) -> int:
    """Med r: the smallest K with R@K ≥ 50; with ``authors``, their ``floor(median) + 1``.

    >>> median_rank([0, 0, 3, 9]), median_rank([0, 0, 3, 9], authors=True)
    (1, 2)
    """
    ordered = np.sort(np.asarray(ranks))
    if authors:
        return int(np.floor(np.median(ordered))) + 1
    return int(ordered[(len(ordered) - 1) // 2]) + 1


def mean_rank(ranks: np.ndarray) -> float:
    """Mean r: the mean of ``ranks [n_queries]``, counted from one."""
    return float(np.mean(ranks)) + 1


def average_precision_at_r(wrong_before: Any) -> float:
    """mAP@R of one direction, in percent.

    Args:
        wrong_before: ``WrongCounts`` of every right answer, or such counts for each query: of its
            R right answers by falling score, the number of wrong candidates placed before it
            (ties wrong first). R may differ from query to query.

    >>> average_precision_at_r([[0], [0, 1]])  # right; right, wrong, right
    75.0
    """
    wrong = WrongCounts.of(wrong_before)
    sizes, sums = wrong.sizes, np.empty(len(wrong.sizes))
    for right_answers in np.unique(sizes):
        queries = np.flatnonzero(sizes == right_answers)
        order = np.arange(right_answers)
        place = wrong.counts[wrong.starts[queries][:, None] + order] + order  # from zero
        precision = np.where(place < right_answers, (order + 1) / (place + 1), 0.0)
        sums[queries] = precision.sum(1)
    # Relative to the largest, so that equal ones divide the mean once, without rounding each.
    largest = sizes.max()
    return 100.0 * float((sums / (sizes / largest)).mean() / largest)


def direction_metrics(wrong: WrongCounts) -> dict:
    """All metrics of one direction.

    Returns:
        dict: ``{"R@1", "R@5", "R@10", "Med r", "Med r (authors)", "Mean r", "mAP@R"}``.
    """
    ranks = wrong.ranks
    result = {f"R@{k}": recall_at(ranks, k) for k in RECALLS}
    result["Med r"] = median_rank(ranks)
    result["Med r (authors)"] = median_rank(ranks, authors=True)
    result["Mean r"] = mean_rank(ranks)
    result["mAP@R"] = average_precision_at_r(wrong)
    return result


def metrics_of_counts(of_images: Any, of_texts: Any) -> dict:
    """Every metric of both directions.

    Args:
        of_images, of_texts: what :func:`count_wrong` counts with ``every_answer``, or such counts
            for each query.

    Returns:
        dict: ``{"i2t": {...}, "t2i": {...}, "rsum"}``, see :func:`direction_metrics`.
    """
    sides = zip(WAYS, map(WrongCounts.of, (of_images, of_texts)))
    result = {way: direction_metrics(wrong) for way, wrong in sides}
    return {**result, "rsum": sum(result[way][f"R@{k}"] for way in WAYS for k in RECALLS)}


def recalls(metrics: dict) -> dict:
    """The six recalls and rsum of :func:`all_metrics` as a flat dictionary: ``r1_i2t`` …,
    ``rsum``."""
    flat = {f"r{k}_{way}": metrics[way][f"R@{k}"] for k in RECALLS for way in WAYS}
    return {**flat, "rsum": metrics["rsum"]}


def all_metrics(
    images: np.ndarray, texts: np.ndarray, correspondence: GroundTruth, measure: Measure = "cosine"
) -> dict:
    """Every metric of both directions.

    A query's rank is that of its best right answer; for mAP@R its R is the number of its own.

    Args:
        images: ``[n_images, size]``, each image once.
        texts: ``[n_texts, size]``.
        correspondence: which belong together, a ``Correspondence``, or ``captions_per_image``.
        measure: ``cosine``, ``order`` or a ``vsepp.metrics.similarity.Ensemble``.

    Returns:
        dict: ``{"i2t": {...}, "t2i": {...}, "rsum"}``, see :func:`direction_metrics`.

    Raises:
        InputError: (a ValueError) on NaN, infinity, or shapes that do not fit.

    >>> codes = np.eye(2, dtype=np.float32)
    >>> all_metrics(codes, codes[[0, 1, 1]], Correspondence.from_lists([[0], [1, 2]]))["rsum"]
    600.0
    """
    return metrics_of_counts(
        *count_wrong(images, texts, correspondence, measure, every_answer=True)
    )


def count_folds(
    images: np.ndarray,
    texts: np.ndarray,
    correspondence: GroundTruth,
    measure: Measure = "cosine",
    fold: int = 1000,
) -> list[tuple[WrongCounts, WrongCounts]]:
    """:func:`count_wrong`, with every answer, of each consecutive fold of ``fold`` images.

    Images after the last whole fold are left out.

    Raises:
        InputError: when there is not one whole fold, or not as many captions to each image.
    """
    if not isinstance(correspondence, Correspondence):
        correspondence = Correspondence.from_stride(len(images), correspondence)
    stride, parts = fold_slices(correspondence, fold)
    return [
        count_wrong(images[some], texts[theirs], stride, measure, every_answer=True)
        for some, theirs in parts
    ]


def fold_slices(correspondence: Correspondence, fold: int) -> tuple[int, list[tuple[slice, slice]]]:
    """The stride, and the rows of images and of texts in each consecutive fold of ``fold`` images.

    Raises:
        InputError: see :func:`count_folds`.
    """
    stride, folds = correspondence.captions_per_image, correspondence.n_images // fold
    if stride is None:
        raise InputError(
            "folds need as many captions for each image, next to each other and right for it "
            "alone: score all images together."
        )
    if not folds:
        raise InputError(
            f"folds of {fold} images need at least {fold} images, not "
            f"{correspondence.n_images}: evaluate without folds."
        )
    starts = range(0, folds * fold, fold)
    return stride, [
        (slice(start, start + fold), slice(start * stride, (start + fold) * stride))
        for start in starts
    ]


def mean_metrics(parts: list[dict]) -> dict:
    """The mean of several results of :func:`metrics_of_counts`, metric by metric."""
    result = {
        way: {name: float(np.mean([part[way][name] for part in parts])) for name in parts[0][way]}
        for way in WAYS
    }
    return {**result, "rsum": float(np.mean([part["rsum"] for part in parts]))}


def fold_metrics(
    images: np.ndarray,
    texts: np.ndarray,
    captions_per_image: GroundTruth,
    measure: Measure = "cosine",
    fold: int = 1000,
) -> dict:
    """Means of :func:`all_metrics` over consecutive folds of ``fold`` images (COCO's 1K protocol).

    Raises:
        InputError: see :func:`count_folds`.
    """
    parts = count_folds(images, texts, captions_per_image, measure, fold)
    return mean_metrics([metrics_of_counts(*counts) for counts in parts])
