import pytest

from vsepp.metrics.captions.words import caption_words


@pytest.mark.parametrize(
    "sentence, words",
    [
        ("A Dog runs .", "a dog runs"),
        ("the child's dog isn't here", "the child 's dog is n't here"),
        ("can't, don't; they're I'll she’s", "ca n't do n't they 're i 'll she 's"),
        ("the kids' o'clock", "the kids o'clock"),
        ("a T-shirt -- black-and-white - no", "a t-shirt black-and-white no"),
        ("black/white 1/2 3.5 1,000 7:30", "black/white 1/2 3.5 1,000 7:30"),
        ("at 3, 4 and 5.", "at 3 4 and 5"),
        ("the U.S. flag, 5 p.m. Mr. Smith", "the u.s. flag 5 p.m. mr. smith"),
        ("cannot gonna gotta cannotation", "can not gon na got ta cannotation"),
        ('"stop"! (really?) [x] ...', "stop really x"),
        ("# 7 at&t 10%", "# 7 at & t 10 %"),
        ("cafe\u0301", "café"),
        ("小狗 in红衣", "小 狗 in 红 衣"),
        (" .!? \n", ""),
        ("", ""),
    ],
)
def test_words_are_those_of_the_penn_treebank_without_marks(sentence, words):
    assert caption_words(sentence) == words.split()


def test_cutting_words_again_changes_nothing():
    words = caption_words("The child's T-shirt isn't red, at 3.5 m; Mr. Smith can't say: U.S.!")

    assert caption_words(" ".join(words)) == words
