import math

import pytest
from slow_captions import random_captions, slow_cider

import vsepp
from vsepp.metrics.captions.scores import CaptionReferences


def cider(candidates, references):
    return CaptionReferences(references).score(candidates).cider.tolist()


def test_a_case_by_hand():
    # Of two images "a" is in both and weighs nothing; "dog", "cat" and the pairs weigh log 2.
    # Words: the same direction, cosine 1; pairs the same; there are no longer runs.
    assert cider(["a dog", "a cat"], [["a dog"], ["a cat"]]) == pytest.approx([5, 5])
    # Another image's words: nothing in common but what weighs nothing.
    assert cider(["a cat", "a dog"], [["a dog"], ["a cat"]]) == [0, 0]


def test_repeating_a_word_gains_nothing():
    # Weights 3 log 2 against log 2, clipped: 1 × 1 / (3 × 1); two words apart.
    once, repeated = (
        cider([text, "cat"], [["dog"], ["cat"]])[0] for text in ("dog", "dog dog dog")
    )
    assert once == pytest.approx(10 / 4)
    assert repeated == pytest.approx(10 / 4 / 3 * math.exp(-4 / 72))


def test_the_score_is_a_mean_over_references():
    assert cider(["a dog", "x"], [["a dog", "b"], ["a cat"]])[0] == pytest.approx(5 / 2)


@pytest.mark.parametrize("seed", range(3))
def test_equals_the_slow_twin(seed):
    candidates, references = random_captions(images=15, seed=seed)
    statistics = CaptionReferences(references, tokenized=True).score(candidates)

    expected = [slow_cider(*pair, references) for pair in zip(candidates, references)]
    assert statistics.cider.tolist() == pytest.approx(expected)
    assert statistics.scores()["CIDEr-D"] == pytest.approx(100 * sum(expected) / 15)
    assert max(expected) > 1


def test_the_idf_of_a_single_image_is_nothing():
    assert vsepp.caption_scores(["a dog"], [["a dog"]])["CIDEr-D"] == 0
