"""Retrieval metrics in NumPy: ranks, Recall@K, median and mean rank, mAP@R, rsum.

Codes come in caption order with images repeated ``captions_per_image`` times, and are read
with that stride: caption ``j`` belongs to image ``j // captions_per_image``.

Ranks count from zero. The rank of a query is the number of *wrong* candidates that score at
least as high as its best right one, so ties count against the model and a collapsed model
scores 0. Whether two scores tie is decided in double precision: single precision sorts out
the clear cases, block by block, and the few candidates too close to call are scored again.
"""

import numpy as np

from vsepp.errors import InputError
from vsepp.measures import find_measure

RECALLS = (1, 5, 10)
_BLOCK = 2_000_000  # scores held at a time: 8 MB of float32


def _one_row_per_image(image_codes, text_codes, captions_per_image):
    """The codes in caption order, checked, with each image kept once."""
    image_codes, text_codes = np.asarray(image_codes), np.asarray(text_codes)
    if image_codes.shape != text_codes.shape or len(text_codes) % captions_per_image:
        raise InputError(
            f"image_codes {image_codes.shape} and text_codes {text_codes.shape} must be of one "
            f"shape with a multiple of captions_per_image = {captions_per_image} rows.")
    return image_codes[::captions_per_image], text_codes


def count_wrong(images, texts, captions_per_image, measure="cosine", every_caption=False):
    """How many wrong candidates score at least as high as the right ones.

    Args:
        images: ``[n_images, size]``, each image once.
        texts: ``[n_images * captions_per_image, size]``.
        captions_per_image: the stride.
        measure: a key of ``vsepp.measures.MEASURES``, or a ``vsepp.measures.Ensemble``.
        every_caption: count for each right caption of an image, not just for its best.

    Returns:
        (int64 ``[n_images, 1]``, or ``[n_images, captions_per_image]`` with
        ``every_caption``, right captions by falling score;
        int64 ``[n_texts]``)

    Raises:
        InputError: (a ValueError) on NaN, infinity, or shapes that do not fit.
    """
    for name, codes in (("image codes", images), ("text codes", texts)):
        if codes.ndim != 2 or not len(codes):
            raise InputError(f"the {name} must be a matrix with at least one row, not of shape "
                             f"{codes.shape}.")
        if not np.isfinite(codes).all():
            raise InputError(f"the {name} hold NaN or infinity: the model that made them has "
                             "diverged; use an earlier checkpoint or a lower learning rate.")
    if len(texts) != captions_per_image * len(images) or images.shape[1] != texts.shape[1]:
        raise InputError(f"image codes {images.shape} and text codes {texts.shape} do not fit "
                         f"captions_per_image = {captions_per_image}.")
    measure = find_measure(measure)
    n_images, n_texts = len(images), len(texts)
    owner = np.arange(n_texts) // captions_per_image
    right = measure.pairs(images, texts, owner, np.arange(n_texts))
    best = -np.sort(-right.reshape(n_images, captions_per_image), axis=1)
    if not every_caption:
        best = best[:, :1]
    slack = measure.slack(images, texts)
    prepared = measure.prepare(images, texts)
    image_counts = np.zeros(best.shape, np.int64)
    text_counts = np.zeros(n_texts, np.int64)
    step = max(1, min(n_images, _BLOCK // n_texts))
    for start in range(0, n_images, step):
        rows = np.arange(start, min(start + step, n_images))
        scores = measure.block(prepared, rows)
        # A query's own right answers are no candidates.
        local = np.repeat(np.arange(len(rows)), captions_per_image)
        own = (rows[:, None] * captions_per_image + np.arange(captions_per_image)).reshape(-1)
        scores[local, own] = -np.inf
        for column in range(best.shape[1]):
            threshold = best[rows, column][:, None]
            _count(scores, threshold, slack, 1, image_counts[rows[0]:rows[-1] + 1, column],
                   lambda i, j: measure.pairs(images, texts, rows[i], j))
        _count(scores, right[None, :], slack, 0, text_counts,
               lambda i, j: measure.pairs(images, texts, rows[i], j))
    return image_counts, text_counts


def _count(scores, threshold, slack, axis, counts, exact):
    """Add to ``counts`` how many scores along ``axis`` reach ``threshold``.

    Args:
        scores: float32 block.
        threshold: float64, broadcast against ``scores``.
        slack: scores nearer to the threshold than this are computed again by ``exact``.
    """
    possible = scores >= (threshold - slack).astype(np.float32)
    many = np.count_nonzero(possible, axis=axis)
    clear = np.count_nonzero(scores > (threshold + slack).astype(np.float32), axis=axis)
    counts += clear
    for line in np.nonzero(many != clear)[0]:
        if axis == 1:
            columns = np.nonzero(possible[line])[0]
            rows = np.full_like(columns, line)
            limit = threshold[line, 0]
            values = scores[line, columns]
        else:
            rows = np.nonzero(possible[:, line])[0]
            columns = np.full_like(rows, line)
            limit = threshold[0, line]
            values = scores[rows, line]
        unclear = values <= np.float32(limit + slack)
        rows, columns = rows[unclear], columns[unclear]
        counts[line] += int((exact(rows, columns) >= limit).sum())


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
    result = {"i2t": direction_metrics(image_counts[:, 0], image_counts),
              "t2i": direction_metrics(text_counts, text_counts[:, None])}
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
    return metrics_of_counts(*count_wrong(images, texts, captions_per_image, measure,
                                          every_caption=True))


def count_folds(images, texts, captions_per_image, measure="cosine", fold=1000):
    """:func:`count_wrong`, with every caption, of each consecutive fold of ``fold`` images.

    Images after the last whole fold are left out.

    Raises:
        InputError: when there is not one whole fold.
    """
    rows = fold * captions_per_image
    folds = len(images) // fold
    if not folds:
        raise InputError(f"folds of {fold} images need at least {fold} images, not {len(images)}: "
                         "evaluate without folds.")
    return [count_wrong(images[k * fold:(k + 1) * fold], texts[k * rows:(k + 1) * rows],
                        captions_per_image, measure, every_caption=True) for k in range(folds)]


def mean_metrics(parts):
    """The mean of several results of :func:`metrics_of_counts`, metric by metric."""
    result = {way: {name: float(np.mean([part[way][name] for part in parts]))
                    for name in parts[0][way]} for way in ("i2t", "t2i")}
    result["rsum"] = float(np.mean([part["rsum"] for part in parts]))
    return result


def fold_metrics(images, texts, captions_per_image, measure="cosine", fold=1000):
    """Means of :func:`all_metrics` over consecutive folds of ``fold`` images (COCO's 1K protocol).

    Raises:
        InputError: when there is not one whole fold.
    """
    return mean_metrics([metrics_of_counts(*counts) for counts in
                         count_folds(images, texts, captions_per_image, measure, fold)])
