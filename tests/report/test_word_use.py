import pytest

from vsepp.report.word_use import WordsUsed, WordUse

MADE = ["a dog runs", "a dog runs", "a cat", "a a a"]
REAL = ["a dog sits", "the dog runs", "the bird", "the cat and the bird"]


@pytest.fixture
def used():
    return WordsUsed(MADE, REAL, str.split)


def test_a_word_is_counted_once_in_each_caption(used):
    assert used.most_used(2) == [WordUse("a", 100.0, 25.0), WordUse("dog", 50.0, 50.0)]


def test_words_that_people_use_less_come_by_how_much_less(used):
    assert [use.word for use in used.used_more(9)] == ["a", "runs"]


def test_words_never_made_come_by_how_often_people_use_them(used):
    assert used.never_used(2) == [WordUse("the", 0.0, 75.0), WordUse("bird", 0.0, 50.0)]
    assert used.counts == (4, 8, 4)


def test_lengths_and_repeated_captions(used):
    assert (used.made_lengths, used.real_lengths) == ([3, 3, 2, 3], [3, 3, 2, 5])
    assert used.repeated == [("a dog runs", 2)]


def test_words_are_those_that_the_scores_count():
    used = WordsUsed(["一只狗"], ["一只猫"], list)
    assert used.counts == (3, 3, 1) and used.never_used(1)[0].word == "猫"


def test_captions_without_a_word():
    used = WordsUsed(["", ""], REAL, str.split)
    assert used.most_used(3) == [] and used.made_lengths == [0, 0]
    assert used.repeated == [("", 2)]
