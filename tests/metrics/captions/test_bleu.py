import math

import numpy as np
import pytest
from slow_captions import random_captions, slow_bleu

import vsepp
from vsepp.metrics.captions.bleu import bleu, clipped_matches, closest_length
from vsepp.metrics.captions.ngrams import count_ngrams

BLEUS = ["BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4"]


def scores(candidates, references):
    result = vsepp.caption_scores(candidates, references)
    return [result[name] for name in BLEUS]


def matches(candidate, *references):
    return clipped_matches(
        count_ngrams(candidate.split()), [count_ngrams(each.split()) for each in references]
    )


def test_the_papers_examples_of_clipping():
    # Papineni et al., examples 2 and 1: 2/7, and 17/18 and 10/17.
    references = "the cat is on the mat", "there is a cat on the mat"
    assert matches("the the the the the the the", *references)[:2] == [2, 0]
    candidate = (
        "it is a guide to action which ensures that the military always obeys the commands of "
        "the party"
    )
    references = (
        "it is a guide to action that ensures that the military will forever heed party commands",
        "it is the guiding principle which guarantees the military forces always being under the "
        "command of the party",
        "it is the practical guide for the army always to heed the directions of the party",
    )
    assert matches(candidate, *references)[:2] == [17, 10]


def test_a_perfect_caption_scores_100():
    assert scores(["A dog runs fast."], [["a dog runs fast", "cats"]]) == pytest.approx([100] * 4)


def test_a_case_by_hand():
    # 3 of 4 words, 1 of 3 pairs ("a dog") and no triple; references of 4 and 6 words.
    result = scores(["a dog eats grass"], [["a dog on grass", "the brown dog is eating grass"]])

    assert result == pytest.approx([75, 100 * math.sqrt(3 / 4 / 3), 0, 0])


def test_short_candidates_pay_the_brevity_penalty_together():
    short, long = ["a dog"], ["a dog runs on grass"]
    assert scores(short, [["a dog runs on"]])[0] == pytest.approx(100 * math.exp(1 - 4 / 2))
    assert scores(long, [["a dog runs on"]])[0] == pytest.approx(80)
    # 7 words against 4 + 3: what one lacks the other makes up for.
    assert scores(short + long, [["a dog runs on"], ["on grass runs"]])[0] == pytest.approx(
        100 * 5 / 7
    )


def test_of_two_lengths_equally_close_the_shorter_counts():
    assert closest_length(5, [7, 3, 9]) == closest_length(5, [3, 7]) == 3
    assert closest_length(0, [4, 2]) == 2


def test_a_whole_corpus_is_not_the_mean_of_its_images():
    candidates, references = ["a dog", "cats sit here now"], [["a dog"], ["two cats"]]
    together = scores(candidates, references)[0]
    alone = [scores([one], [others])[0] for one, others in zip(candidates, references)]

    assert together == pytest.approx(50) and np.mean(alone) == pytest.approx(62.5)


@pytest.mark.parametrize("seed", range(4))
def test_equals_the_slow_twin(seed):
    candidates, references = random_captions(seed=seed)
    result = vsepp.caption_scores(candidates, references, tokenized=True)

    for n, name in enumerate(BLEUS, start=1):
        assert result[name] == pytest.approx(100 * slow_bleu(candidates, references, n), abs=1e-9)
    assert 0 < result["BLEU-4"] < result["BLEU-1"] < 100


def test_many_corpora_are_scored_at_once():
    matches = np.array([[4, 2], [3, 0], [0, 0]])
    totals = np.array([[5, 4], [3, 2], [0, 0]])

    values = bleu(matches, totals, np.array([5, 6, 2]))

    expected = [[0.8, math.sqrt(0.8 * 0.5)], [math.exp(1 - 6 / 3), 0], [0, 0]]
    assert values == pytest.approx(np.array(expected))
