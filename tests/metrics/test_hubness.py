"""Scores corrected for hubness against the whole matrix, worked out as it is defined."""

import numpy as np
import pytest
from whole_matrix import make_gallery, similarities, slow_ranks

from vsepp.metrics import hubness, protocol
from vsepp.metrics.hubness import choose_temperature, corrected, corrected_metrics
from vsepp.metrics.protocol import score, with_hubness
from vsepp.metrics.scores import all_metrics, recall_at
from vsepp.system.errors import InputError


def slow_table(table, temperature):
    """The mean of both log-softmaxes, in units of similarity."""
    scores = temperature * table / table.std()

    def log_softmax(axis):
        highest = scores.max(axis, keepdims=True)
        return scores - highest - np.log(np.exp(scores - highest).sum(axis, keepdims=True))

    return table.std() / temperature * (log_softmax(0) + log_softmax(1)) / 2


def slow_rsum(table, captions_per_image):
    ways = slow_ranks(table, captions_per_image)
    return sum(recall_at(ranks, k) for ranks in ways for k in (1, 5, 10))


@pytest.mark.parametrize("measure", ["cosine", "order"])
@pytest.mark.parametrize("temperature", [0.5, 3, 50])
@pytest.mark.parametrize("tile", [1000, 7])
def test_scores_equal_the_whole_matrix(monkeypatch, measure, temperature, tile):
    monkeypatch.setattr(hubness, "_IMAGES", tile)
    monkeypatch.setattr(hubness, "_TEXTS", tile + 1)
    gallery = make_gallery(1, 40, 3, measure=measure)
    slow = slow_table(similarities(gallery), temperature)

    images, texts, scorer = corrected(gallery.images, gallery.texts, measure, temperature)

    fast = scorer.block(images, texts)
    np.testing.assert_allclose(fast - fast.mean(), slow - slow.mean(), atol=1e-5)
    metrics = corrected_metrics(gallery.images, gallery.texts, 3, measure, temperature)
    assert metrics["rsum"] == pytest.approx(slow_rsum(slow, 3))
    assert metrics["rsum"] != all_metrics(gallery.images, gallery.texts, 3, measure)["rsum"]


def test_an_ensemble_is_corrected_as_the_sum_that_it_is():
    galleries = [make_gallery(0, 30), make_gallery(0, 30, size=9)]
    images, texts, measure = protocol.ensemble_codes(galleries)
    slow = slow_table(sum(map(similarities, galleries)), 2)

    assert corrected_metrics(images, texts, 3, measure, 2)["rsum"] == pytest.approx(
        slow_rsum(slow, 3)
    )


def test_a_hub_that_every_sentence_finds_is_put_in_its_place():
    generator = np.random.default_rng(0)
    images = generator.normal(size=(50, 20)).astype(np.float32)
    texts = images + generator.normal(size=images.shape).astype(np.float32)
    images[:, 0], texts[:, 0] = 0, 4
    images[7, 0] = 4  # near to every sentence

    plain = all_metrics(images, texts, 1)
    assert plain["t2i"]["R@1"] < 70
    assert corrected_metrics(images, texts, 1)["t2i"]["R@1"] > 85


def test_a_collapsed_model_stays_so():
    same = np.ones((6, 4), np.float32)
    texts = same.repeat(2, 0)
    assert corrected_metrics(same, texts, 2) == all_metrics(same, texts, 2)


def test_the_temperature_with_the_highest_rsum_is_chosen():
    gallery = make_gallery(3, 60)
    table, temperatures = similarities(gallery), (0.1, 1, 3, 30)
    sums = [slow_rsum(slow_table(table, temperature), 3) for temperature in temperatures]

    chosen = choose_temperature(gallery.images, gallery.texts, 3, temperatures=temperatures)

    assert len(set(sums)) > 1 and chosen == temperatures[int(np.argmax(sums))]


def test_each_fold_is_corrected_by_its_own_queries(monkeypatch):
    monkeypatch.setattr(protocol, "FOLD", 10)
    gallery = make_gallery(4, 25)
    table = similarities(gallery)
    expected = np.mean(
        [slow_rsum(slow_table(table[a : a + 10, 3 * a : 3 * a + 30], 3), 3) for a in (0, 10)]
    )
    plain = score([gallery], folds=True)

    result = with_hubness(plain, [gallery], folds=True, temperature=3)

    assert result.hubness["rsum"] == pytest.approx(expected)
    assert (result.metrics, result.ranks) == (plain.metrics, plain.ranks)
    assert {**plain.to_dict(), "hubness": result.hubness} == result.to_dict()


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), 1001])
def test_a_temperature_that_is_none_is_named(value):
    with pytest.raises(InputError, match="--hubness .*: a temperature is above 0"):
        hubness.check_temperature(value, "--hubness")
