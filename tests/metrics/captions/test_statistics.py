import numpy as np
import pytest
from slow_captions import random_captions

import vsepp
from vsepp.metrics.bootstrap import resampled_counts
from vsepp.metrics.captions import statistics as module
from vsepp.metrics.captions.scores import CaptionReferences
from vsepp.metrics.captions.statistics import SCORES, caption_intervals, compare_captions


@pytest.fixture(scope="module")
def captions():
    return random_captions(images=40, seed=5)


@pytest.fixture(scope="module")
def statistics(captions):
    candidates, references = captions
    return CaptionReferences(references, tokenized=True).score(candidates)


def test_a_draw_scores_the_drawn_images(captions, statistics):
    candidates, references = captions
    samples = statistics.resampled(seed=3, draws=2)

    for sample, times in zip(samples, resampled_counts(40, np.random.default_rng(3), 2)):
        drawn = np.repeat(np.arange(40), times)
        expected = vsepp.caption_scores(
            [candidates[i] for i in drawn], [references[i] for i in drawn], tokenized=True
        )
        assert sample[:5] == pytest.approx([expected[name] for name in SCORES[:5]])
        # Its IDF is that of all images, not of the drawn ones.
        assert sample[5] == pytest.approx(100 * statistics.cider[drawn].mean())
        assert sample[5] != pytest.approx(expected["CIDEr-D"])


def test_draws_do_not_depend_on_how_many_are_held_at_a_time(statistics, monkeypatch):
    whole = statistics.resampled(seed=1, draws=10)
    monkeypatch.setattr(module, "_BLOCK", 130)

    assert np.allclose(statistics.resampled(seed=1, draws=10), whole, rtol=1e-12, atol=0)


def test_intervals_hold_the_scores_and_repeat(statistics):
    intervals = caption_intervals(statistics)

    assert list(intervals) == list(SCORES)
    for name, value in statistics.scores().items():
        low, high = intervals[name]
        assert low < value < high
    assert intervals == caption_intervals(statistics) != caption_intervals(statistics, seed=1)
    narrow = caption_intervals(statistics, level=50)
    assert intervals["ROUGE-L"][0] < narrow["ROUGE-L"][0]


def test_a_comparison_is_paired(captions, statistics):
    candidates, references = captions
    prepared = CaptionReferences(references, tokenized=True)
    # One word less in a single caption: nearly the same, so the interval is narrow.
    place = next(place for place, words in enumerate(candidates) if len(words) > 3)
    shorter = [words[:2] if i == place else words for i, words in enumerate(candidates)]
    other = prepared.score(shorter)

    differences = compare_captions(statistics, other)

    for name, value in statistics.scores().items():
        assert differences[name]["difference"] == pytest.approx(value - other.scores()[name])
    low, high = differences["ROUGE-L"]["interval"]
    alone = caption_intervals(statistics)["ROUGE-L"]
    assert high - low < (alone[1] - alone[0]) / 3
    same = compare_captions(statistics, statistics)
    assert set(map(str, same.values())) == {str({"difference": 0.0, "interval": [0.0, 0.0]})}


def test_captions_of_other_images_are_not_compared(captions, statistics):
    candidates, references = captions
    swapped = CaptionReferences(references[::-1], tokenized=True).score(candidates)

    with pytest.raises(vsepp.InputError, match="different references: score both on one split"):
        compare_captions(statistics, swapped)


def test_it_is_seen_when_all_captions_are_the_same_or_empty(captions):
    prepared = CaptionReferences(captions[1], tokenized=True)

    same, empty = (prepared.score([text] * 40) for text in ("w1 w2", ""))
    assert (same.distinct, same.empty) == (1, 0)
    assert (empty.distinct, empty.empty, empty.brevity_penalty) == (1, 40, 0.0)
