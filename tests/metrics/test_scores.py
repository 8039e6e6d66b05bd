"""The metrics agree exactly with their definitions, written out slowly."""

import doctest

import numpy as np
import pytest

from vsepp.metrics import counting
from vsepp.metrics import scores as metrics
from vsepp.metrics import similarity as measures
from vsepp.metrics.counting import count_wrong
from vsepp.metrics.scores import (
    all_metrics,
    average_precision_at_r,
    calc_recall,
    compute_ranks,
    fold_metrics,
    mean_rank,
    median_rank,
    metrics_of_counts,
    recall_at,
)
from vsepp.system.errors import InputError

RECALLS = ("R@1", "R@5", "R@10")


def slow_score(image, text, measure):
    if measure == "cosine":
        return sum(float(a) * float(b) for a, b in zip(image, text))
    return -(sum(max(0.0, float(b) - float(a)) ** 2 for a, b in zip(image, text)) ** 0.5)


def slow_scores(images, texts, measure):
    """One row per image, one column per text."""
    return [[slow_score(image, text, measure) for text in texts] for image in images]


def slow_places(scores, right):
    """Wrong answers before each right one of a query's list, ties placing wrong ones first."""
    answers = sorted(range(len(scores)), key=lambda k: (-scores[k], k in right))
    wrong, places = 0, []
    for answer in answers:
        if answer in right:
            places.append(wrong)
        else:
            wrong += 1
    return places


def slow_average_precision(scores, right):
    answers = sorted(range(len(scores)), key=lambda k: (-scores[k], k in right))
    total = 0.0
    for k in range(1, len(right) + 1):
        if answers[k - 1] in right:
            total += sum(answer in right for answer in answers[:k]) / k
    return total / len(right)


def queries(images, texts, captions_per_image, measure):
    """(scores of a query, its right answers) of both directions."""
    table = slow_scores(images, texts, measure)
    per_image = [
        (table[i], set(range(i * captions_per_image, (i + 1) * captions_per_image)))
        for i in range(len(images))
    ]
    per_text = [([row[j] for row in table], {j // captions_per_image}) for j in range(len(texts))]
    return per_image, per_text


def make_codes(kind, captions_per_image, n_images=9, size=4):
    generator = np.random.default_rng(captions_per_image)
    n_texts = n_images * captions_per_image
    images, texts = generator.normal(size=(n_images, size)), generator.normal(size=(n_texts, size))
    if kind == "alike":  # right answers tend to be near
        texts = texts + 2 * images.repeat(captions_per_image, 0)
    elif kind == "whole numbers":  # many exact ties between different codes
        images, texts = np.round(images), np.round(texts)
    elif kind == "duplicates":
        images, texts = (
            images[generator.integers(3, size=n_images)],
            texts[generator.integers(4, size=n_texts)],
        )
    elif kind == "collapsed":
        images, texts = images[:1].repeat(n_images, 0), texts[:1].repeat(n_texts, 0)
    elif kind == "large":
        images, texts = 1e6 * images, 1e-3 * texts
    elif kind == "nearly equal":  # apart by less than single precision can tell
        images = 1 + 1e-9 * images
        texts = 1 + 1e-9 * texts
        return images, texts
    return images.astype(np.float32), texts.astype(np.float32)


KINDS = ("alike", "random", "whole numbers", "duplicates", "collapsed", "large", "nearly equal")


@pytest.mark.parametrize("measure", ["cosine", "order"])
@pytest.mark.parametrize("captions_per_image", [1, 3, 5])
@pytest.mark.parametrize("kind", KINDS)
def test_ranks_equal_the_slow_definition(kind, captions_per_image, measure):
    images, texts = make_codes(kind, captions_per_image)
    per_image, per_text = queries(images, texts, captions_per_image, measure)

    i2t, t2i = compute_ranks(
        images.repeat(captions_per_image, 0), texts, captions_per_image, measure
    )

    assert i2t.tolist() == [slow_places(*query)[0] for query in per_image]
    assert t2i.tolist() == [slow_places(*query)[0] for query in per_text]


@pytest.mark.parametrize("measure", ["cosine", "order"])
@pytest.mark.parametrize("captions_per_image", [1, 3, 5])
@pytest.mark.parametrize("kind", ["alike", "whole numbers", "duplicates", "collapsed"])
def test_average_precision_equals_the_slow_definition(kind, captions_per_image, measure):
    images, texts = make_codes(kind, captions_per_image)
    ways = queries(images, texts, captions_per_image, measure)

    result = all_metrics(images, texts, captions_per_image, measure)

    for way, way_queries in zip(("i2t", "t2i"), ways):
        expected = 100 * np.mean([slow_average_precision(*query) for query in way_queries])
        assert result[way]["mAP@R"] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("measure", ["cosine", "order"])
@pytest.mark.parametrize("tile, pairs_at_once", [(1, 1), (5, 3), (31, 7)])
def test_the_size_of_the_tiles_changes_nothing(monkeypatch, measure, tile, pairs_at_once):
    images, texts = make_codes("whole numbers", 3)
    whole = count_wrong(images, texts, 3, measure, every_answer=True)

    monkeypatch.setattr(counting, "_IMAGES", tile)
    monkeypatch.setattr(counting, "_TEXTS", tile + 2)
    monkeypatch.setattr(measures, "_PAIRS_AT_ONCE", pairs_at_once)
    parts = count_wrong(images, texts, 3, measure, every_answer=True)

    for way, other in zip(whole, parts):
        assert np.array_equal(way.counts, other.counts)
        assert np.array_equal(way.starts, other.starts)


@pytest.mark.parametrize("measure", ["cosine", "order"])
def test_a_collapsed_model_scores_nothing(measure):
    codes = np.ones((60, 8), np.float32)

    assert calc_recall(codes, codes, 5, measure) == (0, 0, 0, 0, 0, 0)
    assert all_metrics(codes[::5], codes, 5, measure)["i2t"]["mAP@R"] == 0


@pytest.mark.parametrize("measure", ["cosine", "order"])
def test_a_perfect_model_scores_everything(measure):
    images = np.eye(12, dtype=np.float32)
    texts = images.repeat(5, 0)

    result = all_metrics(images, texts, 5, measure)

    assert result["rsum"] == 600
    for way in ("i2t", "t2i"):
        assert (result[way]["Med r"], result[way]["Mean r"], result[way]["mAP@R"]) == (1, 1, 100)


def test_one_image_with_its_captions_has_nothing_to_be_confused_with():
    codes = np.ones((5, 3), np.float32)

    i2t, t2i = compute_ranks(codes, codes, 5)

    assert i2t.tolist() == [0] and t2i.tolist() == [0] * 5


def test_the_order_measure_counts_only_what_the_text_has_beyond_the_image():
    images = np.array([[3, 3], [1, 0]], np.float32)  # the first contains both texts
    texts = np.array([[2, 2], [1, 0]], np.float32)

    i2t, t2i = compute_ranks(images, texts, 1, "order")

    # Both texts lie within the first image (0 and 0: a tie); the second holds only its own.
    assert (i2t.tolist(), t2i.tolist()) == ([1, 0], [0, 1])


def test_recalls_come_in_the_documented_order():
    # Image 0's caption loses to two others; all captions find their image.
    images = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32)
    texts = np.array([[0.1, 0, 0], [0.2, 1, 0], [0.2, 0, 1]], np.float32)

    recalls = calc_recall(images, texts, 1)

    third = pytest.approx(100 * 2 / 3)
    assert recalls == (third, 100, 100, 100, 100, 100)


def test_the_numbers_are_the_same_whoever_reports_them():
    images, texts = make_codes("alike", 5)

    result = all_metrics(images, texts, 5)
    recalls = calc_recall(images.repeat(5, 0), texts, 5)

    assert recalls == tuple(result[way][name] for name in RECALLS for way in ("i2t", "t2i"))
    assert result["rsum"] == pytest.approx(sum(recalls))


@pytest.mark.parametrize(
    "ranks, median, authors",
    [
        ([0], 1, 1),
        ([4], 5, 5),
        ([0, 1], 1, 1),
        ([0, 3], 1, 2),
        ([0, 0, 3, 9], 1, 2),
        ([9, 2, 0], 3, 3),
        ([0, 2, 4, 9], 3, 4),
    ],
)
def test_median_rank_by_hand(ranks, median, authors):
    assert median_rank(ranks) == median
    assert median_rank(ranks, authors=True) == authors


def test_both_medians_are_among_the_metrics():
    # Ranks 0, 0, 3, 3 in both directions: the authors' rule takes the middle, 1.5, down to 1.
    result = metrics_of_counts([[0], [3], [0], [3]], [[3], [0], [0], [3]])

    for way in ("i2t", "t2i"):
        assert (result[way]["Med r"], result[way]["Med r (authors)"]) == (1, 2)


@pytest.mark.parametrize("seed", range(5))
def test_median_rank_is_the_smallest_k_that_finds_half(seed):
    ranks = np.random.default_rng(seed).integers(20, size=11 + seed)

    assert median_rank(ranks) == next(k for k in range(1, 21) if recall_at(ranks, k) >= 50)


def test_mean_rank_counts_from_one():
    assert mean_rank([0, 1, 5]) == 3


@pytest.mark.parametrize(
    "wrong_before, expected",
    [
        ([[0]], 1),
        ([[1]], 0),
        ([[0, 0]], 1),  # right right
        ([[0, 1]], 1 / 2),  # right wrong right: the second right answer comes after R = 2
        ([[1, 1]], (1 / 2) / 2),  # wrong right right
        ([[2, 2]], 0),
        ([[0, 1, 1]], (1 + 2 / 3) / 3),  # right wrong right right
        ([[0, 0, 5], [3, 3, 3]], (2 / 3 + 0) / 2),
    ],
)
def test_map_at_r_by_hand(wrong_before, expected):
    assert average_precision_at_r(wrong_before) == pytest.approx(100 * expected)


def test_folds_are_consecutive_and_averaged():
    images, texts = make_codes("random", 3, n_images=9)

    result = fold_metrics(images, texts, 3, fold=4)  # the ninth image is in no fold

    parts = [all_metrics(images[:4], texts[:12], 3), all_metrics(images[4:8], texts[12:24], 3)]
    assert result["rsum"] == pytest.approx(np.mean([part["rsum"] for part in parts]))
    assert result["t2i"]["R@1"] == pytest.approx(np.mean([part["t2i"]["R@1"] for part in parts]))
    assert result["i2t"]["Med r"] == pytest.approx(np.mean([p["i2t"]["Med r"] for p in parts]))
    assert parts[0]["rsum"] != parts[1]["rsum"]


def test_folds_need_one_whole_fold():
    images, texts = make_codes("alike", 3)

    with pytest.raises(InputError, match="at least 1000 images, not 9"):
        fold_metrics(images, texts, 3)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("side", [0, 1])
def test_nan_and_infinity_are_an_error(side, bad):
    codes = [np.ones((10, 3), np.float32), np.ones((10, 3), np.float32)]
    codes[side][5, 1] = bad

    with pytest.raises(ValueError, match="NaN or infinity"):
        compute_ranks(*codes, 5)


@pytest.mark.parametrize(
    "image_shape, text_shape, captions_per_image",
    [
        ((10, 3), (5, 3), 5),
        ((10, 3), (10, 4), 5),
        ((10, 3), (10, 3), 3),
        ((0, 3), (0, 3), 5),
        ((10,), (10,), 5),
    ],
)
def test_shapes_that_do_not_fit_are_an_error(image_shape, text_shape, captions_per_image):
    with pytest.raises(InputError, match="codes"):
        compute_ranks(np.ones(image_shape), np.ones(text_shape), captions_per_image)


def test_an_unknown_measure_is_refused_with_the_known_ones():
    codes = np.eye(3)

    with pytest.raises(InputError, match="'euclid': use one of cosine, order"):
        compute_ranks(codes, codes, 1, "euclid")


def test_codes_handed_in_are_left_as_they_were():
    images, texts = make_codes("alike", 3)
    before = images.copy(), texts.copy()

    all_metrics(images, texts, 3)

    assert np.array_equal(images, before[0]) and np.array_equal(texts, before[1])


def test_the_examples_in_the_docstrings_hold():
    result = doctest.testmod(metrics)

    assert result.attempted and not result.failed
