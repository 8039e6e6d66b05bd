"""How sure a score is: bootstrap intervals, paired comparisons, means over seeds. NumPy only.

Everything here works from ranks alone (from zero: i2t ``[n_images]``, t2i ``[n_captions]``, see
``vsepp.metrics.scores.compute_ranks``) or from the result files of ``tools/eval.py``.

The bootstrap resamples **images**: one that is drawn brings its own query and those of all its
captions. The captions of one image are easy or hard together, so that drawing them one by one
would take them for independent and make the intervals of t2i too narrow. The gallery stays as
it is: the intervals say how far a score would move with other queries of the same kind, not
with another training run; for that, see :func:`summarise`.
"""

import itertools
from typing import NamedTuple

import numpy as np

from vsepp.metrics.scores import RECALLS, recall_at
from vsepp.system.errors import InputError

WAYS = ("i2t", "t2i")
DRAWS = 1000
LEVEL = 95  # percent
_BLOCK = 1_000_000  # resampled captions held at a time: 8 MB an array


class Ranks(NamedTuple):
    """Ranks of every query of a split, from zero.

    ``i2t [n_images]``; ``t2i [n_captions]``, the captions of an image side by side; ``folds``: how
    many consecutive folds of equal size they are of, scores being means over these.
    """

    i2t: np.ndarray
    t2i: np.ndarray
    folds: int = 1


def resampled_counts(n_images, generator, draws):
    """How often each image is drawn: int64 ``[draws, n_images]``, every row adds up to n_images."""
    chosen = generator.integers(n_images, size=(draws, n_images))
    chosen += n_images * np.arange(draws)[:, None]
    return np.bincount(chosen.reshape(-1), minlength=draws * n_images).reshape(draws, n_images)


def bootstrap(ranks, seed=0, draws=DRAWS):
    """Scores of resampled queries: of every fold, as many images as it has.

    Args:
        ranks: :class:`Ranks`.
        seed: equal seeds draw the same images of data of equal size.
        draws: how many times to resample.

    Returns:
        dict: ``{"i2t": {"R@1", "R@5", "R@10", "Med r", "Mean r"}, "t2i": {…}, "rsum"}`` of
        float64 ``[draws]``.

    Raises:
        InputError: when the sizes do not fit each other.
    """
    i2t, t2i, folds = np.asarray(ranks.i2t), np.asarray(ranks.t2i), ranks.folds
    if (
        not i2t.ndim == t2i.ndim == 1
        or not i2t.size
        or not t2i.size
        or t2i.size % i2t.size
        or i2t.size % folds
    ):
        raise InputError(
            f"ranks of shapes {i2t.shape} and {t2i.shape} do not fit {folds} fold(s) "
            "of equally many images with equally many captions each."
        )
    generator = np.random.default_rng(seed)
    parts = [
        _bootstrap_fold(*fold, generator, draws)
        for fold in zip(np.split(i2t, folds), np.split(t2i, folds))
    ]
    result = {
        way: {name: np.mean([part[way][name] for part in parts], axis=0) for name in parts[0][way]}
        for way in WAYS
    }
    result["rsum"] = sum(result[way][f"R@{k}"] for way in WAYS for k in RECALLS)
    return result


def _bootstrap_fold(i2t, t2i, generator, draws):
    n_images = len(i2t)
    queries = {"i2t": i2t.reshape(n_images, 1), "t2i": t2i.reshape(n_images, -1)}
    owner = np.repeat(np.arange(n_images), len(t2i) // n_images)
    order = {way: np.argsort(ranks, kind="stable") for way, ranks in zip(WAYS, (i2t, t2i))}
    # What an image adds to hits within 1, 5, 10 and to the sum of ranks, in each direction.
    adds = np.concatenate(
        [
            np.stack([*((block < k).sum(1) for k in RECALLS), block.sum(1)], 1)
            for block in queries.values()
        ],
        1,
    ).astype(np.float64)
    totals, medians = np.empty((draws, adds.shape[1])), {way: np.empty(draws) for way in WAYS}
    step = max(1, _BLOCK // len(t2i))
    for start in range(0, draws, step):
        rows = slice(start, min(start + step, draws))
        counts = resampled_counts(n_images, generator, rows.stop - start)
        totals[rows] = counts @ adds
        for way, ranks, owners in (("i2t", i2t, order["i2t"]), ("t2i", t2i, owner[order["t2i"]])):
            # The lower median: the first rank that at least half of the drawn queries reach.
            reached = np.cumsum(counts[:, owners], axis=1)
            middle = np.count_nonzero(2 * reached < len(ranks), axis=1)
            medians[way][rows] = ranks[order[way][middle]] + 1
    result = {}
    for way, columns in zip(WAYS, np.split(totals, 2, axis=1)):
        means = columns / queries[way].size
        result[way] = {f"R@{k}": 100 * means[:, place] for place, k in enumerate(RECALLS)}
        result[way].update({"Med r": medians[way], "Mean r": means[:, -1] + 1})
    return result


def percentile_interval(samples, level=LEVEL):
    """``[low, high]`` that holds the middle ``level`` percent of the samples."""
    tail = (100 - level) / 2
    return [float(value) for value in np.percentile(samples, [tail, 100 - tail])]


def intervals(ranks, seed=0, draws=DRAWS, level=LEVEL):
    """Percentile bootstrap intervals of every metric that ranks determine.

    The arguments are those of :func:`bootstrap`; ``level`` is in percent.

    Returns:
        dict: as :func:`bootstrap`, with ``[low, high]`` in place of samples.
    """
    samples = bootstrap(ranks, seed, draws)
    result = {
        way: {name: percentile_interval(values, level) for name, values in samples[way].items()}
        for way in WAYS
    }
    return {**result, "rsum": percentile_interval(samples["rsum"], level)}


def compare(ours, other, seed=0, draws=DRAWS, level=LEVEL):
    """Differences, ours − other, of two models' recalls and rsum on the same queries.

    The bootstrap is paired: each draw scores both models on the same images, so that what makes
    a query hard for both does not widen the interval.

    ``ours`` and ``other`` are :class:`Ranks` of the same queries in the same order; for the
    other arguments see :func:`intervals`.

    Returns:
        dict: ``{"i2t": {"R@1": {"difference", "interval"}, …}, "t2i": {…}, "rsum": {…}}``.

    Raises:
        InputError: when the two are not of as many queries and folds.
    """
    sizes = [
        "{:,} images and {:,} captions in {} fold(s)".format(
            len(ranks.i2t), len(ranks.t2i), ranks.folds
        )
        for ranks in (ours, other)
    ]
    if sizes[0] != sizes[1]:
        raise InputError(
            f"only ranks of the same queries can be compared, not {sizes[0]} with "
            f"{sizes[1]}: score both checkpoints on one split."
        )
    samples = [bootstrap(ranks, seed, draws) for ranks in (ours, other)]

    def cell(difference, mine, theirs):
        return {"difference": difference, "interval": percentile_interval(mine - theirs, level)}

    result, total = {way: {} for way in WAYS}, 0.0
    for way, k in itertools.product(WAYS, RECALLS):
        # Folds are of equal size, so that the mean of their recalls is the recall of all.
        difference = recall_at(getattr(ours, way), k) - recall_at(getattr(other, way), k)
        result[way][f"R@{k}"] = cell(difference, *(part[way][f"R@{k}"] for part in samples))
        total += difference
    return {**result, "rsum": cell(total, *(part["rsum"] for part in samples))}


def summarise(results, names=None):
    """Mean and sample standard deviation of every metric over runs, such as several seeds.

    Args:
        results: what ``tools/eval.py`` wrote as JSON, at least two, each of another checkpoint,
            on the same split under the same protocol.
        names: what to call each in an error.

    Returns:
        dict: ``{"dataset", "split", "images", "captions", "protocol", "runs",
        "i2t": {"R@1": {"mean", "std"}, …}, "t2i": {…}, "rsum": {…}}``.

    Raises:
        InputError: when they are fewer or do not belong together.
    """
    names = list(names or (f"result {place}" for place in range(1, len(results) + 1)))
    if len(results) < 2:
        raise InputError("a standard deviation needs two results or more: give those of more runs.")
    shared = ("dataset", "split", "images", "captions", "protocol")
    for name, result in zip(names, results):
        if (
            not isinstance(result, dict)
            or not {*shared, *WAYS, "rsum"} <= result.keys()
            or not all(isinstance(result[way], dict) for way in WAYS)
        ):
            raise InputError(f"{name} is not a result of tools/eval.py: give JSON that it wrote.")
        for key in (key for key in shared if result[key] != results[0][key]):
            raise InputError(
                f"{names[0]} and {name} differ in {key} ({results[0][key]!r} and "
                f"{result[key]!r}): summarise results of one split and protocol."
            )
    seen = {}
    for name, result in zip(names, results):
        weights = str(result.get("fingerprint") or name)
        if weights in seen:
            raise InputError(
                f"{seen[weights]} and {name} are of the same weights: give each run once."
            )
        seen[weights] = name

    def over_runs(values):
        return {"mean": float(np.mean(values)), "std": float(np.std(values, ddof=1))}

    summary = {**{key: results[0][key] for key in shared}, "runs": len(results)}
    for way in WAYS:
        summary[way] = {
            metric: over_runs([result[way][metric] for result in results])
            for metric in results[0][way]
            if all(metric in result[way] for result in results)
        }
    return {**summary, "rsum": over_runs([result["rsum"] for result in results])}
