"""Retrieval metrics in NumPy: ranks, Recall@K, median and mean rank, mAP@R, rsum.

Codes come in caption order with images repeated ``captions_per_image`` times, and are read
with that stride: caption ``j`` belongs to image ``j // captions_per_image``.

Ranks count from zero and ties count against the model, see ``vsepp.metrics.counting``.
"""

import numpy as np

from vsepp.metrics.counting import count_wrong
from vsepp.system.errors import InputError

RECALLS = (1, 5, 10)


def _one_row_per_image(image_codes, text_codes, captions_per_image):
    """The codes in caption order, checked, with each image kept once."""
    image_codes, text_codes = np.asarray(image_codes), np.asarray(text_codes)
    if image_codes.shape != text_codes.shape or len(text_codes) % captions_per_image:
        raise InputError(
            f"image_codes {image_codes.shape} and text_codes {text_codes.shape} must be of one "
            f"shape with a multiple of captions_per_image = {captions_per_image} rows."
        )
    return image_codes[::captions_per_image], text_codes


def compute_ranks(image_codes, text_codes, captions_per_image, measure="cosine"):
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
    return i2t[:, 0], t2i


def recall_at(ranks, k):
    """R@K: percentage of queries whose rank is below ``k``."""
    return 100.0 * float(np.mean(np.asarray(ranks) < k))


def calc_recall(image_codes, text_codes, captions_per_image, measure="cosine"):
    """Recall@1, 5 and 10 in both directions.

    The arguments are those of :func:`compute_ranks`.

    Returns:
        ``(r1_i2t, r1_t2i, r5_i2t, r5_t2i, r10_i2t, r10_t2i)`` in percent.
    """
    i2t, t2i = compute_ranks(image_codes, text_codes, captions_per_image, measure)
    return tuple(recall_at(ranks, k) for k in RECALLS for ranks in (i2t, t2i))


def median_rank(ranks, authors=False):
    """Med r: the smallest K with R@K ≥ 50; with ``authors``, their ``floor(median) + 1``.

    >>> median_rank([0, 0, 3, 9]), median_rank([0, 0, 3, 9], authors=True)
    (1, 2)
    """
    ordered = np.sort(np.asarray(ranks))
    if authors:
        return int(np.floor(np.median(ordered))) + 1
    return int(ordered[(len(ordered) - 1) // 2]) + 1


def mean_rank(ranks):
    """Mean r: the mean rank, counted from one."""
    return float(np.mean(ranks)) + 1


def average_precision_at_r(wrong_before):
    """mAP@R of one direction, in percent.

    Args:
        wrong_before: int ``[n_queries, R]``: for each query's R right answers by falling
            score, the number of wrong candidates placed before it (ties wrong first).
    """
    wrong_before = np.asarray(wrong_before)
    right_answers = wrong_before.shape[1]
    order = np.arange(right_answers)
    place = wrong_before + order  # from zero
    precision = np.where(place < right_answers, (order + 1) / (place + 1), 0.0)
    return 100.0 * float(precision.sum(1).mean() / right_answers)


def direction_metrics(ranks, wrong_before):
    """All metrics of one direction.

    Args:
        ranks: int ``[n_queries]``, from zero.
        wrong_before: see :func:`average_precision_at_r`.

    Returns:
        dict: ``{"R@1", "R@5", "R@10", "Med r", "Med r (authors)", "Mean r", "mAP@R"}``.
    """
    result = {f"R@{k}": recall_at(ranks, k) for k in RECALLS}
    result["Med r"] = median_rank(ranks)
    result["Med r (authors)"] = median_rank(ranks, authors=True)
    result["Mean r"] = mean_rank(ranks)
    result["mAP@R"] = average_precision_at_r(wrong_before)
    return result


def metrics_of_counts(image_counts, text_counts):
    """Every metric of both directions, from what :func:`count_wrong` counts.

    Args:
        image_counts: int ``[n_images, captions_per_image]``, counted with ``every_caption``.
        text_counts: int ``[n_captions]``.

    Returns:
        dict: ``{"i2t": {...}, "t2i": {...}, "rsum"}``, see :func:`direction_metrics`.
    """
    result = {
        "i2t": direction_metrics(image_counts[:, 0], image_counts),
        "t2i": direction_metrics(text_counts, text_counts[:, None]),
    }
    result["rsum"] = sum(result[way][f"R@{k}"] for way in ("i2t", "t2i") for k in RECALLS)
    return result


def all_metrics(images, texts, captions_per_image, measure="cosine"):
    """Every metric of both directions.

    Args:
        images: ``[n_images, size]``, each image once.
        texts: ``[n_images * captions_per_image, size]``.
        captions_per_image, measure: see :func:`count_wrong`.

    Returns:
        dict: ``{"i2t": {...}, "t2i": {...}, "rsum"}``, see :func:`direction_metrics`.
    """
    return metrics_of_counts(
        *count_wrong(images, texts, captions_per_image, measure, every_caption=True)
    )


def count_folds(images, texts, captions_per_image, measure="cosine", fold=1000):
    """:func:`count_wrong`, with every caption, of each consecutive fold of ``fold`` images.

    Images after the last whole fold are left out.

    Raises:
        InputError: when there is not one whole fold.
    """
    rows = fold * captions_per_image
    folds = len(images) // fold
    if not folds:
        raise InputError(
            f"folds of {fold} images need at least {fold} images, not {len(images)}: "
            "evaluate without folds."
        )
    return [
        count_wrong(
            images[k * fold : (k + 1) * fold],
            texts[k * rows : (k + 1) * rows],
            captions_per_image,
            measure,
            every_caption=True,
        )
        for k in range(folds)
    ]


def mean_metrics(parts):
    """The mean of several results of :func:`metrics_of_counts`, metric by metric."""
    result = {
        way: {name: float(np.mean([part[way][name] for part in parts])) for name in parts[0][way]}
        for way in ("i2t", "t2i")
    }
    result["rsum"] = float(np.mean([part["rsum"] for part in parts]))
    return result


def fold_metrics(images, texts, captions_per_image, measure="cosine", fold=1000):
    """Means of :func:`all_metrics` over consecutive folds of ``fold`` images (COCO's 1K protocol).

    Raises:
        InputError: when there is not one whole fold.
    """
    return mean_metrics(
        [
            metrics_of_counts(*counts)
            for counts in count_folds(images, texts, captions_per_image, measure, fold)
        ]
    )
