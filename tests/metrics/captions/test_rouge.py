import pytest
from slow_captions import random_captions, slow_common_subsequence

from vsepp.metrics.captions.rouge import common_subsequence, rouge_l


def test_precision_and_recall_are_each_the_best_over_the_references():
    # Common: "a dog" with both; 2 of 3 words of the candidate, 2 of 2 of the second reference.
    value = rouge_l("a dog runs".split(), ["a big dog on grass".split(), "a dog".split()])

    assert value == pytest.approx((1 + 1.44) * (2 / 3) / (1 + 1.44 * 2 / 3))


def test_words_need_not_be_side_by_side_but_in_order():
    assert common_subsequence("a b c d".split(), ["a x c y d".split(), "d c b a".split()]) == [3, 1]


@pytest.mark.parametrize("seed", range(4))
def test_lengths_equal_those_of_the_table(seed):
    candidates, references = random_captions(seed=seed)

    for candidate, others in zip(candidates, references):
        expected = [slow_common_subsequence(candidate, other) for other in others]
        assert common_subsequence(candidate, others) == expected


def test_sentences_longer_than_a_machine_word():
    words = [f"w{number % 7}" for number in range(150)]

    assert common_subsequence(words, [words, words[::2]]) == [150, 75]


def test_what_shares_no_word_or_has_none_scores_0():
    assert rouge_l([], [["a"]]) == rouge_l(["a"], [["b"], []]) == rouge_l([], [[]]) == 0
    assert rouge_l(["a"], [["a"], []]) == pytest.approx(1)


def test_what_is_far_longer_than_its_references():
    words = [f"w{number**2 % 11}" for number in range(1500)]
    others = [words[3:40:2], words[700:600:-1], ["unknown"], []]

    expected = [slow_common_subsequence(words, other) for other in others]
    assert common_subsequence(words, others) == expected
