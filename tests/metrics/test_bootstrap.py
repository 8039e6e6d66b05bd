"""Intervals, paired comparisons and means over seeds agree with their definitions."""

import time

import numpy as np
import pytest

from vsepp.metrics import bootstrap as statistics
from vsepp.metrics.bootstrap import (
    Ranks,
    bootstrap,
    compare,
    intervals,
    percentile_interval,
    resampled_counts,
    summarise,
)
from vsepp.metrics.correspondence import Correspondence
from vsepp.metrics.scores import mean_rank, median_rank, recall_at
from vsepp.system.errors import InputError

RECALLS = {"R@1": 1, "R@5": 5, "R@10": 10}


def make_ranks(seed=0, n_images=30, captions_per_image=3, folds=1, spread=8):
    generator = np.random.default_rng(seed)
    i2t = generator.geometric(1 / spread, n_images) - 1
    t2i = generator.geometric(1 / spread, n_images * captions_per_image) - 1
    return Ranks(i2t, t2i, folds)


def slow_scores(i2t, t2i):
    """Of one fold, by the functions of `vsepp.metrics.scores`."""
    result = {}
    for way, ranks in (("i2t", i2t), ("t2i", t2i)):
        result[way] = {name: recall_at(ranks, k) for name, k in RECALLS.items()}
        result[way].update({"Med r": median_rank(ranks), "Mean r": mean_rank(ranks)})
    result["rsum"] = sum(result[way][name] for way in ("i2t", "t2i") for name in RECALLS)
    return result


def slow_bootstrap(ranks, seed, draws):
    """Scores of each draw, one by one, over the same images."""
    generator, per_image = np.random.default_rng(seed), len(ranks.t2i) // len(ranks.i2t)
    size = len(ranks.i2t) // ranks.folds
    folds = []
    for fold in range(ranks.folds):
        i2t = ranks.i2t[fold * size : (fold + 1) * size]
        t2i = ranks.t2i[fold * size * per_image : (fold + 1) * size * per_image]
        scores = []
        for _ in range(draws):
            chosen = generator.integers(size, size=size)
            captions = [image * per_image + k for image in chosen for k in range(per_image)]
            scores.append(slow_scores(i2t[chosen], t2i[captions]))
        folds.append(scores)

    def mean(read):
        return [np.mean([read(scores[draw]) for scores in folds]) for draw in range(draws)]

    result = {
        way: {name: mean(lambda score: score[way][name]) for name in folds[0][0][way]}
        for way in ("i2t", "t2i")
    }
    return {**result, "rsum": mean(lambda score: score["rsum"])}


def flat(result):
    return {
        **{(way, name): value for way in ("i2t", "t2i") for name, value in result[way].items()},
        "rsum": result["rsum"],
    }


@pytest.mark.parametrize("captions_per_image", [1, 3, 5])
@pytest.mark.parametrize("folds", [1, 3])
def test_the_bootstrap_equals_the_slow_one_over_the_same_images(folds, captions_per_image):
    ranks = make_ranks(captions_per_image, 30, captions_per_image, folds)

    fast, slow = bootstrap(ranks, seed=4, draws=25), slow_bootstrap(ranks, 4, 25)

    assert flat(fast).keys() == flat(slow).keys()
    for name, values in flat(fast).items():
        assert values == pytest.approx(flat(slow)[name], abs=1e-9), name


def test_the_size_of_the_blocks_changes_nothing(monkeypatch):
    ranks = make_ranks(n_images=31)
    whole = bootstrap(ranks, draws=50)

    monkeypatch.setattr(statistics, "_BLOCK", 7 * len(ranks.t2i))
    parts = bootstrap(ranks, draws=50)

    for name, values in flat(whole).items():
        assert np.array_equal(values, flat(parts)[name]), name


def test_an_image_is_drawn_with_all_its_captions():
    # Image 0 and its captions are all found, image 1 and its are not: both directions agree.
    samples = bootstrap(Ranks(np.array([0, 9]), np.array([0, 0, 0, 9, 9, 9])), draws=40)

    assert np.array_equal(samples["i2t"]["R@1"], samples["t2i"]["R@1"])
    assert set(samples["t2i"]["R@1"]) == {0, 50, 100}


def test_every_draw_is_as_large_as_the_split():
    counts = resampled_counts(7, np.random.default_rng(0), 100)

    assert counts.shape == (100, 7) and (counts.sum(1) == 7).all()
    assert counts.mean(0) == pytest.approx(np.ones(7), abs=0.4)


def test_the_same_seed_gives_the_same_intervals():
    ranks = make_ranks()

    assert intervals(ranks, seed=1) == intervals(ranks, seed=1) != intervals(ranks, seed=2)


def test_an_interval_by_hand():
    assert percentile_interval(np.arange(101.0)) == [2.5, 97.5]
    assert percentile_interval(np.arange(101.0), level=80) == [10, 90]


def test_without_spread_an_interval_is_a_point():
    result = intervals(Ranks(np.full(8, 3), np.full(40, 7)), draws=20)

    assert result["i2t"] == {
        "R@1": [0, 0],
        "R@5": [100, 100],
        "R@10": [100, 100],
        "Med r": [4, 4],
        "Mean r": [4, 4],
    }
    assert result["t2i"]["R@10"] == [100, 100] and result["rsum"] == [300, 300]


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    # Captions of an image share its difficulty; each is found with probability 0.4 on average.
    generator, hits = np.random.default_rng(0), {"i2t": 0, "t2i": 0, "captions": 0}
    trials, n_images = 300, 150
    for trial in range(trials):
        easy = generator.beta(0.6, 0.9, n_images)
        i2t = generator.random(n_images) > 0.4
        t2i = generator.random((n_images, 5)) > easy[:, None]
        result = intervals(Ranks(i2t.astype(int), t2i.reshape(-1).astype(int)), trial, draws=200)
        for way in ("i2t", "t2i"):
            low, high = result[way]["R@1"]
            hits[way] += low <= 40 <= high
        half = 1.96 * 100 * np.sqrt(0.4 * 0.6 / t2i.size)  # as if captions were independent
        hits["captions"] += abs(100 * np.mean(~t2i) - 40) <= half

    assert 0.91 <= hits["i2t"] / trials <= 0.98
    assert 0.91 <= hits["t2i"] / trials <= 0.98
    assert hits["captions"] / trials < 0.85


def test_a_thousand_images_take_no_noticeable_time():
    ranks = make_ranks(n_images=1000, captions_per_image=5)

    begin = time.process_time()
    intervals(ranks)

    assert time.process_time() - begin < 2


@pytest.mark.parametrize("folds", [1, 3])
def test_a_model_does_not_differ_from_itself(folds):
    ranks = make_ranks(folds=folds)

    for cell in flat(compare(ranks, ranks)).values():
        assert cell == {"difference": 0, "interval": [0, 0]}


def test_a_comparison_is_paired():
    # Every tenth image is found by ours alone; whether the others are found is common to both.
    common = np.random.default_rng(0).integers(0, 2, 200) * 50
    better = np.where(np.arange(200) % 10 == 0, 0, common)
    worse = np.where(np.arange(200) % 10 == 0, 50, common)

    result = compare(Ranks(better, better), Ranks(worse, worse))

    cell, alone = result["i2t"]["R@1"], intervals(Ranks(better, better))["i2t"]["R@1"]
    assert cell["difference"] == pytest.approx(10)
    low, high = cell["interval"]
    assert 5 < low < 10 < high < 15 and high - low < 0.7 * (alone[1] - alone[0])
    assert result["rsum"]["difference"] == pytest.approx(60)
    assert compare(Ranks(worse, worse), Ranks(better, better))["i2t"]["R@1"] == {
        "difference": -cell["difference"],
        "interval": [pytest.approx(-high), pytest.approx(-low)],
    }


@pytest.mark.parametrize("folds", [1, 3])
def test_a_comparison_equals_the_slow_one_over_the_same_images(folds):
    ours, other = make_ranks(1, folds=folds, spread=4), make_ranks(2, folds=folds)
    slow = [flat(slow_bootstrap(ranks, 3, 40)) for ranks in (ours, other)]

    result = flat(compare(ours, other, seed=3, draws=40))

    for name in result:
        differences = np.subtract(slow[0][name], slow[1][name])
        assert result[name]["interval"] == pytest.approx(
            list(np.percentile(differences, [2.5, 97.5])), abs=1e-9
        )


def test_ranks_of_other_queries_are_not_compared():
    with pytest.raises(InputError, match="30 images and 90 captions.*and 60 captions.*one split"):
        compare(make_ranks(), make_ranks(captions_per_image=2))
    with pytest.raises(InputError, match="fold"):
        compare(make_ranks(), make_ranks(folds=3))


@pytest.mark.parametrize(
    "i2t, t2i, folds",
    [([0, 1], [0, 1, 2], 1), ([], [], 1), ([0, 1], [], 1), ([0, 1], [0, 1], 3), ([[0]], [0], 1)],
)
def test_ranks_that_do_not_fit_are_refused(i2t, t2i, folds):
    with pytest.raises(InputError, match="do not fit"):
        bootstrap(Ranks(np.array(i2t, int), np.array(t2i, int), folds))


class TestRelation:
    """Images with unequal numbers of captions, and captions that several images share."""

    UNEQUAL = [[0, 1, 2], [3], [4, 5], [6], [7, 8, 9, 10]]
    SHARED = [[0, 1], [1, 2], [3], [4, 5], [5], [6, 0]]  # images 0, 1 and 5 hang together; 3 and 4

    @staticmethod
    def make(lists, seed=0, spread=6):
        relation = Correspondence.from_lists(lists)
        generator = np.random.default_rng(seed)
        return Ranks(
            generator.geometric(1 / spread, relation.n_images) - 1,
            generator.geometric(1 / spread, relation.n_texts) - 1,
            correspondence=relation,
        )

    @pytest.mark.parametrize(
        "lists, groups",
        [
            (UNEQUAL, [([image], texts) for image, texts in enumerate(UNEQUAL)]),
            (SHARED, [([0, 1, 5], [0, 1, 2, 6]), ([2], [3]), ([3, 4], [4, 5])]),
        ],
    )
    def test_whole_groups_are_drawn(self, lists, groups):
        ranks = self.make(lists)
        generator = np.random.default_rng(3)
        slow = []
        for _ in range(30):
            chosen = generator.integers(len(groups), size=len(groups))
            i2t, t2i = (
                np.concatenate([way[groups[group][side]] for group in chosen])
                for side, way in enumerate((ranks.i2t, ranks.t2i))
            )
            slow.append(flat(slow_scores(i2t, t2i)))

        for name, values in flat(bootstrap(ranks, seed=3, draws=30)).items():
            assert values == pytest.approx([scores[name] for scores in slow], abs=1e-9), name

    def test_a_stride_given_as_a_relation_is_a_stride(self):
        ranks = make_ranks()
        relation = Correspondence.from_stride(30, 3)

        assert intervals(ranks._replace(correspondence=relation)) == intervals(ranks)

    def test_what_is_resampled_is_said(self):
        assert make_ranks().resampled == self.make(self.UNEQUAL).resampled == "images"
        assert self.make(self.SHARED).resampled == "groups of images that share captions"

    def test_only_the_same_pairs_are_compared(self):
        ours, other = self.make(self.UNEQUAL), self.make(self.UNEQUAL[::-1], seed=1)
        cells = flat(compare(ours, self.make(self.UNEQUAL)))
        assert all(cell == {"difference": 0, "interval": [0, 0]} for cell in cells.values())
        with pytest.raises(InputError, match="different correspondences"):
            compare(ours, other)

    def test_ranks_of_other_sizes_are_refused(self):
        ranks = self.make(self.UNEQUAL)
        for wrong in (ranks._replace(i2t=ranks.i2t[1:]), ranks._replace(folds=5)):
            with pytest.raises(InputError, match="one fold of 5 images and 11 captions"):
                bootstrap(wrong)


class TestSummary:
    @staticmethod
    def result(value, fingerprint, **changes):
        return {
            "dataset": "tiny",
            "split": "test",
            "images": 4,
            "captions": 20,
            "protocol": "all 4 images",
            "fingerprint": fingerprint,
            "i2t": {"R@1": value, "Med r": 3},
            "t2i": {"R@1": 2 * value},
            "rsum": 10 * value,
            **changes,
        }

    def test_mean_and_sample_standard_deviation_by_hand(self):
        summary = summarise([self.result(value, str(value)) for value in (1, 2, 6)])

        std = 7**0.5  # of 1, 2, 6: (4 + 1 + 9) / 2
        assert summary["runs"] == 3 and summary["protocol"] == "all 4 images"
        assert summary["i2t"]["R@1"] == {"mean": 3, "std": pytest.approx(std)}
        assert summary["i2t"]["Med r"] == {"mean": 3, "std": 0}
        assert summary["t2i"]["R@1"] == {"mean": 6, "std": pytest.approx(2 * std)}
        assert summary["rsum"] == {"mean": 30, "std": pytest.approx(10 * std)}

    @pytest.mark.parametrize(
        "changes, words",
        [
            ({"split": "val"}, "b.json differ in split"),
            ({"protocol": "1 fold"}, "differ in protocol"),
            ({"dataset": "mine"}, "differ in dataset"),
            ({"fingerprint": "x"}, "a.json and b.json are of the same weights"),
            ({"i2t": None}, "b.json is not a result"),
        ],
    )
    def test_results_that_do_not_belong_together_are_refused(self, changes, words):
        results = [self.result(1, "x"), {**self.result(2, "y"), **changes}]

        with pytest.raises(InputError, match=words):
            summarise(results, ["a.json", "b.json"])

    def test_what_is_no_result_is_refused(self):
        for other in ([], 3, {"rsum": 3}):
            with pytest.raises(InputError, match="result 2 is not a result of tools/eval.py"):
                summarise([self.result(1, "x"), other])

    def test_one_run_has_no_spread(self):
        with pytest.raises(InputError, match="two results or more"):
            summarise([self.result(1, "x")])
