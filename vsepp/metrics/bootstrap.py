"""How sure a score is: bootstrap intervals, paired comparisons, means over seeds. NumPy only.

Everything here works from ranks alone (from zero: i2t ``[n_images]``, t2i ``[n_captions]``, see
``vsepp.metrics.scores.compute_ranks``) or from the result files of ``tools/eval.py``.

The bootstrap resamples **images**: one that is drawn brings its own query and those of all its
captions. The captions of one image are easy or hard together, so that drawing them one by one
would take them for independent and make the intervals of t2i too narrow. Where images have
unequal numbers of captions, a draw has more or fewer of these, and its scores are means over as
many as it has. Images that share a caption are drawn together, and with them those that share
one with these: whatever hangs together is one draw (a cluster bootstrap), and intervals over few
such groups say little.

The gallery stays as it is: the intervals say how far a score would move with other queries of
the same kind, not with another training run; for that, see :func:`summarise`.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple, Optional, Sequence

import numpy as np

from vsepp.metrics.correspondence import Correspondence
from vsepp.metrics.scores import RECALLS, WAYS, recall_at
from vsepp.system.errors import InputError
from vsepp.system.invocation import tool

DRAWS = 1000
LEVEL = 95  # percent
_BLOCK = 1_000_000  # resampled captions held at a time: 8 MB an array


class Ranks(NamedTuple):
    """Ranks of every query of a split, from zero.

    Attributes:
        i2t: int ``[n_images]``.
        t2i: int ``[n_captions]``.
        folds: how many consecutive folds of equal size they are of, scores being means over
            these.
        correspondence: which captions belong to which images; None for a stride, the captions
            of an image side by side and as many for each.
    """

    i2t: np.ndarray
    t2i: np.ndarray
    folds: int = 1
    correspondence: Optional[Correspondence] = None

    @property
    def resampled(self) -> str:
        """What the bootstrap draws, in words."""
        relation = self.correspondence
        if relation is None or len(relation.texts) == relation.n_texts:
            return "images"
        return "groups of images that share captions"


def resampled_counts(n_groups: int, generator: np.random.Generator, draws: int) -> np.ndarray:
    """How often each group is drawn: int64 ``[draws, n_groups]``, every row adds up to n_groups."""
    chosen = generator.integers(n_groups, size=(draws, n_groups))
    chosen += n_groups * np.arange(draws)[:, None]
    return np.bincount(chosen.reshape(-1), minlength=draws * n_groups).reshape(draws, n_groups)


def bootstrap(ranks: Ranks, seed: int = 0, draws: int = DRAWS) -> dict:
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
    relation = ranks.correspondence
    if relation is None:
        fits = i2t.size and t2i.size and t2i.size % i2t.size == 0 and i2t.size % folds == 0
        wanted = f"{folds} fold(s) of equally many images with equally many captions each"
    else:
        fits = (i2t.size, t2i.size, folds) == (relation.n_images, relation.n_texts, 1)
        wanted = f"one fold of {relation.n_images} images and {relation.n_texts} captions"
    if not i2t.ndim == t2i.ndim == 1 or not fits:
        raise InputError(f"ranks of shapes {i2t.shape} and {t2i.shape} do not fit {wanted}.")
    if relation is None:
        n_images = i2t.size // folds
        groups = np.arange(n_images), np.repeat(np.arange(n_images), t2i.size // i2t.size)
    else:
        groups = relation.groups()
    generator = np.random.default_rng(seed)
    parts = [
        _bootstrap_fold(fold, groups, generator, draws)
        for fold in zip(np.split(i2t, folds), np.split(t2i, folds))
    ]
    result = {
        way: {name: np.mean([part[way][name] for part in parts], axis=0) for name in parts[0][way]}
        for way in WAYS
    }
    result["rsum"] = sum(result[way][f"R@{k}"] for way in WAYS for k in RECALLS)
    return result


def _bootstrap_fold(
    ranks: Sequence[np.ndarray],
    groups: Sequence[np.ndarray],
    generator: np.random.Generator,
    draws: int,
) -> dict[str, dict]:
    """Of the ranks of both directions and the group of every query."""
    n_groups, n_queries = int(groups[0].max()) + 1, max(map(len, ranks))
    # What a group adds to queries, to hits within 1, 5, 10 and to the sum of ranks, both ways.
    adds = np.stack(
        [
            np.bincount(group, weights, n_groups)
            for way, group in zip(ranks, groups)
            for weights in (np.ones(len(way)), *((way < k) for k in RECALLS), way)
        ],
        axis=1,
    )
    order = [np.argsort(way, kind="stable") for way in ranks]
    totals = np.empty((draws, adds.shape[1]))
    medians = np.empty((len(WAYS), draws))
    step = max(1, _BLOCK // n_queries)
    for start in range(0, draws, step):
        rows = slice(start, min(start + step, draws))
        counts = resampled_counts(n_groups, generator, rows.stop - start)
        totals[rows] = counts @ adds
        for place, (own, group, ordered) in enumerate(zip(ranks, groups, order)):
            # The lower median: the first rank that at least half of the drawn queries reach.
            reached = np.cumsum(counts[:, group[ordered]], axis=1)
            middle = np.count_nonzero(2 * reached < reached[:, -1:], axis=1)
            medians[place, rows] = own[ordered[middle]] + 1
    result: dict[str, dict] = {}
    for way, columns, median in zip(WAYS, np.split(totals, len(WAYS), axis=1), medians):
        means = columns[:, 1:] / columns[:, :1]
        result[way] = {f"R@{k}": 100 * means[:, place] for place, k in enumerate(RECALLS)}
        result[way].update({"Med r": median, "Mean r": means[:, -1] + 1})
    return result


def percentile_interval(samples: np.ndarray, level: float = LEVEL) -> list[float]:
    """``[low, high]`` that holds the middle ``level`` percent of the samples."""
    tail = (100 - level) / 2
    return [float(value) for value in np.percentile(samples, [tail, 100 - tail])]


def intervals(ranks: Ranks, seed: int = 0, draws: int = DRAWS, level: float = LEVEL) -> dict:
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


def compare(
    ours: Ranks, other: Ranks, seed: int = 0, draws: int = DRAWS, level: float = LEVEL
) -> dict:
    """Differences, ours − other, of two models' recalls and rsum on the same queries.

    The bootstrap is paired: each draw scores both models on the same images, so that what makes
    a query hard for both does not widen the interval.

    ``ours`` and ``other`` are :class:`Ranks` of the same queries in the same order; for the
    other arguments see :func:`intervals`.

    Returns:
        dict: ``{"i2t": {"R@1": {"difference", "interval"}, …}, "t2i": {…}, "rsum": {…}}``.

    Raises:
        InputError: when the two are not of as many queries and folds, or not of the same pairs.
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
    if ours.correspondence != other.correspondence:
        raise InputError(
            "only ranks of the same queries can be compared: these two are of different "
            "correspondences between images and captions."
        )
    samples = [bootstrap(ranks, seed, draws) for ranks in (ours, other)]

    def cell(difference: float, mine: np.ndarray, theirs: np.ndarray) -> dict:
        return {"difference": difference, "interval": percentile_interval(mine - theirs, level)}

    result: dict = {way: {} for way in WAYS}
    total = 0.0
    for way, k in itertools.product(WAYS, RECALLS):
        # Folds are of equal size, so that the mean of their recalls is the recall of all.
        difference = recall_at(getattr(ours, way), k) - recall_at(getattr(other, way), k)
        result[way][f"R@{k}"] = cell(difference, *(part[way][f"R@{k}"] for part in samples))
        total += difference
    return {**result, "rsum": cell(total, *(part["rsum"] for part in samples))}


def summarise(results: Sequence[dict], names: Optional[Sequence[str]] = None) -> dict:
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
    shared = ("dataset", "split", "images", "captions", "protocol")
    check_runs(results, shared, (*WAYS, "rsum"), names)
    summary = {**{key: results[0][key] for key in shared}, "runs": len(results)}
    for way in WAYS:
        summary[way] = {
            metric: over_runs([result[way][metric] for result in results])
            for metric in results[0][way]
            if all(metric in result[way] for result in results)
        }
    return {**summary, "rsum": over_runs([result["rsum"] for result in results])}


def check_runs(
    results: Sequence[dict],
    shared: Sequence[str],
    scores: Sequence[str],
    names: Optional[Sequence[str]] = None,
) -> None:
    """Whether results are of several runs and belong together.

    Args:
        results: what ``tools/eval.py`` wrote.
        shared: keys in which they must be equal.
        scores: further keys that they must have; of :data:`WAYS` those with several scores.
        names: what to call each in an error.

    Raises:
        InputError: when they are fewer than two, no such results, not of one protocol, or of the
            same weights.
    """
    names = list(names or (f"result {place}" for place in range(1, len(results) + 1)))
    if len(results) < 2:
        raise InputError("a standard deviation needs two results or more: give those of more runs.")
    for name, result in zip(names, results):
        if (
            not isinstance(result, dict)
            or not {*shared, *scores} <= result.keys()
            or not all(isinstance(result[way], dict) for way in WAYS if way in scores)
        ):
            raise InputError(f"{name} is not a result of {tool('eval')}: give JSON that it wrote.")
        for key in (key for key in shared if result[key] != results[0][key]):
            raise InputError(
                f"{names[0]} and {name} differ in {key} ({results[0][key]!r} and "
                f"{result[key]!r}): summarise results of one split and protocol."
            )
    seen: dict[str, str] = {}
    for name, result in zip(names, results):
        weights = str(result.get("fingerprint") or name)
        if weights in seen:
            raise InputError(
                f"{seen[weights]} and {name} are of the same weights: give each run once."
            )
        seen[weights] = name


def over_runs(values: Sequence[float]) -> dict[str, float]:
    """Mean and sample standard deviation: ``{"mean", "std"}``."""
    return {"mean": float(np.mean(values)), "std": float(np.std(values, ddof=1))}
