import dataclasses

import numpy as np
import pytest
from captioning.table_step import TableStep, plain_greedy, vocabulary_of

from vsepp.captioning.decoding import decode
from vsepp.captioning.options import Decoding
from vsepp.captioning.sampling import draw

LOG_PROBS = np.log(np.array([0.05, 0.4, 0.3, 0.15, 0.1]))


def plain(found):
    return [[dataclasses.astuple(caption) for caption in captions] for captions in found]


def frequencies(count=40_000, log_probs=LOG_PROBS, **options):
    """How often each word is drawn, with evenly spread draws."""
    draws = (np.arange(count) + 0.5) / count
    rows = np.tile(np.asarray(log_probs, np.float32), (count, 1))
    words = draw(rows, draws, Decoding(sample=True, **options))
    return np.bincount(words, minlength=len(log_probs)) / count


def test_words_are_drawn_as_often_as_they_are_probable():
    assert frequencies() == pytest.approx(np.exp(LOG_PROBS), abs=1e-3)


@pytest.mark.parametrize("temperature", [0.3, 0.8, 2.0])
def test_the_temperature_sharpens_or_levels(temperature):
    expected = np.exp(LOG_PROBS / temperature)

    found = frequencies(temperature=temperature)

    assert found == pytest.approx(expected / expected.sum(), abs=1e-3)


@pytest.mark.parametrize(
    "temperature, expected",
    [(1e-320, [0, 1, 0, 0, 0]), (1e-50, [0, 1, 0, 0, 0]), (1e300, [0, 0.25, 0.25, 0.25, 0.25])],
)
@pytest.mark.filterwarnings("error")
def test_the_most_extreme_temperatures_draw_words_that_may_follow(temperature, expected):
    log_probs = np.where(np.arange(5) == 0, -np.inf, LOG_PROBS)

    found = frequencies(log_probs=log_probs, temperature=temperature)

    assert found == pytest.approx(expected, abs=1e-3)


def test_top_k_leaves_the_likeliest():
    assert frequencies(top_k=2) == pytest.approx([0, 4 / 7, 3 / 7, 0, 0], abs=1e-3)
    assert frequencies(top_k=50) == pytest.approx(frequencies(), abs=1e-3)


@pytest.mark.parametrize(
    "top_p, expected",
    [
        (0.1, [0, 1, 0, 0, 0]),
        (0.45, [0, 4 / 7, 3 / 7, 0, 0]),
        (0.8, [0, 8 / 17, 6 / 17, 3 / 17, 0]),
        (0.99, [0.05, 0.4, 0.3, 0.15, 0.1]),
    ],
)
def test_top_p_leaves_the_fewest_that_make_up_the_share(top_p, expected):
    assert frequencies(top_p=top_p) == pytest.approx(expected, abs=1e-3)


def test_top_p_is_of_what_top_k_left():
    # 4/9, 3/9 and 1.5/9.  are left; a half needs the first two of them
    assert frequencies(top_k=3, top_p=0.5) == pytest.approx([0, 4 / 7, 3 / 7, 0, 0], abs=1e-3)


def test_top_p_equals_a_plain_sort_of_each_row():
    generator = np.random.default_rng(3)
    log_probs = generator.normal(0, 3, (200, 60)).astype(np.float32)
    draws = generator.random(200)

    words = draw(log_probs, draws, Decoding(sample=True, top_p=0.7))

    for row, at, word in zip(log_probs.astype(float), draws, words):
        order = np.argsort(-row)
        shares = np.exp(row[order]) / np.exp(row).sum()
        kept = np.searchsorted(np.cumsum(shares), 0.7) + 1
        sums = np.cumsum(shares[:kept])
        assert word == order[np.searchsorted(sums / sums[-1], at, side="right")]


@pytest.mark.parametrize("options", [{}, {"top_k": 3}, {"top_p": 0.9}])
def test_what_is_banned_is_never_drawn(options):
    log_probs = [-np.inf, -1.0, -np.inf, -2.0, -np.inf]
    rows = np.tile(np.array(log_probs, np.float32), (3, 1))
    ends = np.array([0.0, 0.5, np.nextafter(1, 0)])

    words = draw(rows, ends, Decoding(sample=True, **options))

    assert set(words) == {1, 3}


def test_the_likeliest_alone_is_greedy():
    vocabulary = vocabulary_of(12)
    step = TableStep(25, vocabulary, seed=4)

    found = decode(step, 25, vocabulary, Decoding(sample=True, top_k=1, longest=9))

    for image, (caption,) in enumerate(found):
        words, total = plain_greedy(step, image, vocabulary, 9)
        assert (caption.words, caption.log_probability) == (words, pytest.approx(total))


def test_equal_seeds_draw_equal_sentences_and_others_others():
    vocabulary = vocabulary_of(12)
    step = TableStep(25, vocabulary)

    first, again, other = (
        plain(decode(step, 25, vocabulary, Decoding(sample=True, seed=seed))) for seed in (1, 1, 2)
    )

    assert first == again
    assert first != other


def test_a_photograph_draws_the_same_alone_and_among_many():
    vocabulary = vocabulary_of(12)
    step = TableStep(25, vocabulary)
    options = Decoding(sample=True, captions=2, seed=3, block_ngram=2)
    together = decode(step, 25, vocabulary, options)
    several = decode(step, 25, vocabulary, dataclasses.replace(options, captions=5))

    class Half:
        def start(self):
            return step.start()[12:]

        def __call__(self, words, states, images):
            return step(words, states, images + 12)

    half = decode(Half(), 13, vocabulary, options, numbers=range(12, 25))

    assert plain(half) == plain(together[12:])
    assert plain(captions[:2] for captions in several) == plain(together)


def test_several_samples_of_one_photograph_differ():
    vocabulary = vocabulary_of(50)
    (captions,) = decode(TableStep(1, vocabulary), 1, vocabulary, Decoding(sample=True, captions=9))

    assert len({caption.words for caption in captions}) > 5


def test_the_log_probability_is_the_captioners_and_attention_is_each_words():
    vocabulary = vocabulary_of(6)
    step = TableStep(3, vocabulary, ends=-1.0)
    options = Decoding(sample=True, captions=4, temperature=2.0, longest=8)

    found = decode(step, 3, vocabulary, options, attention=True)

    end, start = (vocabulary.word_to_index[word] for word in ("<end>", "<start>"))
    lengths = set()
    for image, captions in enumerate(found):
        for caption in captions:
            state, total, looks = step.start()[[image]], 0.0, []
            said = [*caption.words, end][: len(caption.words) + caption.ended]
            for before, word in zip([start, *said], said):
                log_probs, state, look = step(np.array([before]), state, np.array([image]))
                total += log_probs[0, word]
                looks.append(look[0])
            lengths.add(len(caption.words))
            assert caption.log_probability == pytest.approx(total)
            assert caption.attention == pytest.approx(np.array(looks)[: len(caption.words)])
    assert len(lengths) > 2


def test_sampling_says_a_word_and_stops_at_the_longest():
    vocabulary = vocabulary_of(6)
    short, long = TableStep(9, vocabulary, ends=30), TableStep(9, vocabulary, ends=-np.inf)
    options = Decoding(sample=True, longest=4)

    ended, cut = decode(short, 9, vocabulary, options), decode(long, 9, vocabulary, options)

    assert {(len(caption.words), caption.ended) for (caption,) in ended} == {(1, True)}
    assert {(len(caption.words), caption.ended) for (caption,) in cut} == {(4, False)}
