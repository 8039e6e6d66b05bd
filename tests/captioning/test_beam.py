"""The beam equals one that is written out plainly, a photograph at a time."""

import dataclasses

import numpy as np
import pytest
from captioning.table_step import TableStep, plain_beam, plain_greedy, same, vocabulary_of

from vsepp.captioning.decoding import decode
from vsepp.captioning.options import Decoding
from vsepp.text.vocabulary import END, UNK

OPTIONS = [
    Decoding(beam=1, longest=6),
    Decoding(beam=3, captions=2, longest=7),
    Decoding(beam=4, captions=4, longest=5, length_penalty=0.7),
    Decoding(beam=3, captions=1, longest=8, length_penalty=1.5),
    Decoding(beam=3, captions=3, longest=8, block_ngram=1),
    Decoding(beam=2, captions=1, longest=9, block_ngram=2, length_penalty=1.0),
    Decoding(beam=5, captions=2, longest=9, block_ngram=3),
    Decoding(beam=5, captions=5, longest=1),
    Decoding(beam=12, captions=12, longest=4, length_penalty=0.3),  # more than there are words
]


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: f"beam{options.beam}")
@pytest.mark.parametrize("levels", [None, 2, 3], ids=["distinct", "two-levels", "three-levels"])
def test_it_finds_what_a_plain_beam_finds(options, levels):
    for seed in range(12):
        vocabulary = vocabulary_of(3 + seed % 5)
        step = TableStep(3, vocabulary, seed, levels, ends=seed % 4 - 1.0)

        found = decode(step, 3, vocabulary, options, attention=True)

        for image in range(3):
            assert same(found[image], plain_beam(step, image, vocabulary, options))


def test_one_sentence_followed_is_greedy():
    vocabulary = vocabulary_of(20)
    step = TableStep(30, vocabulary, seed=5)

    found = decode(step, 30, vocabulary, Decoding(beam=1, longest=10))

    for image, (caption,) in enumerate(found):
        words, total = plain_greedy(step, image, vocabulary, 10)
        assert (caption.words, caption.log_probability) == (words, pytest.approx(total))


def test_a_photograph_finds_the_same_alone_and_among_many():
    vocabulary = vocabulary_of(9)
    options = Decoding(beam=40, captions=3, longest=6, length_penalty=0.5)
    step = TableStep(20, vocabulary, seed=2)  # 40 sentences of 20 photographs: more than one part

    together = decode(step, 20, vocabulary, options)

    class Alone:
        def __init__(self, image):
            self.image = image

        def start(self):
            return step.start()[[self.image]]

        def __call__(self, words, states, images):
            return step(words, states, images + self.image)

    for image in range(20):
        (alone,) = decode(Alone(image), 1, vocabulary, options)
        assert list(map(dataclasses.astuple, alone)) == list(
            map(dataclasses.astuple, together[image])
        )


def test_there_is_a_sentence_even_when_nothing_ends():
    vocabulary = vocabulary_of(6)
    step = TableStep(4, vocabulary, ends=-np.inf)  # impossible, says the network
    options = Decoding(beam=3, captions=3, longest=7)

    found = decode(step, 4, vocabulary, options)

    for captions in found:
        assert [len(caption.words) for caption in captions] == [7, 7, 7]
        assert not any(caption.ended for caption in captions)
        scores = [caption.score for caption in captions]
        assert scores == sorted(scores, reverse=True) and np.isfinite(scores).all()


def test_a_sentence_has_a_word_even_when_everything_ends():
    vocabulary = vocabulary_of(6)
    step = TableStep(4, vocabulary, ends=np.inf)
    step.table[np.isposinf(step.table)] = 50

    found = decode(step, 4, vocabulary, Decoding(beam=2, captions=2))

    assert {len(caption.words) for captions in found for caption in captions} == {1}
    assert all(caption.ended for captions in found for caption in captions)


def test_blocked_words_run_out_and_the_sentence_ends():
    vocabulary = vocabulary_of(2)
    step = TableStep(1, vocabulary, ends=-30)

    (captions,) = decode(step, 1, vocabulary, Decoding(beam=4, captions=4, block_ngram=1))

    # no other sentences have no word twice
    assert {vocabulary.decode(caption.words) for caption in captions} == {
        "w0",
        "w1",
        "w0 w1",
        "w1 w0",
    }
    assert all(caption.ended for caption in captions)


def test_the_unknown_word_is_never_said():
    vocabulary = vocabulary_of(3)
    step = TableStep(8, vocabulary)
    step.table[..., vocabulary.word_to_index[UNK]] += 100

    found = decode(step, 8, vocabulary, Decoding(beam=3, captions=3))

    said = {word for captions in found for caption in captions for word in caption.words}
    assert {vocabulary.words[word] for word in said} == {"w0", "w1", "w2"}


def test_photographs_that_are_done_cost_nothing():
    vocabulary = vocabulary_of(5)
    quick, slow = TableStep(10, vocabulary, ends=20), TableStep(10, vocabulary, ends=20)
    slow.table[0, :, vocabulary.word_to_index[END]] -= 40  # one of ten goes on and on

    for step in (quick, slow):
        decode(step, 10, vocabulary, Decoding(beam=2, longest=30))

    assert slow.rows - quick.rows <= 2 * 29


def test_attention_is_kept_on_request_alone():
    vocabulary = vocabulary_of(5)
    step = TableStep(2, vocabulary, cells=9)

    without = decode(step, 2, vocabulary)[0][0]
    found = decode(step, 2, vocabulary, attention=True)[0][0]

    assert without.attention is None
    assert found.attention.shape == (len(found.words), 9)
    assert found.attention.dtype == np.float32


def test_no_photographs_have_no_captions():
    vocabulary = vocabulary_of(5)
    step = TableStep(0, vocabulary)

    assert decode(step, 0, vocabulary) == []
    assert decode(step, 0, vocabulary, Decoding(sample=True)) == []
