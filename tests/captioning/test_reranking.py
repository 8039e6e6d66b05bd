"""The retrieval model's choice among sentences."""

from types import SimpleNamespace

import numpy as np
import pytest
from captioning.colour_captioner import WarmRetrieval

from vsepp.captioning.reranking import UNREAD, rerank

CODES = np.ones((2, 2), np.float32)


def made(*sentences):
    return [SimpleNamespace(sentence=sentence) for sentence in sentences]


def chosen(candidates, keep, colour="blue"):
    found = rerank(WarmRetrieval(colour), CODES[: len(candidates)], candidates, keep)
    return [[(caption.sentence, score) for caption, score in of] for of in found]


def test_the_nearest_are_kept_and_of_equals_the_earlier():
    candidates = [made("red one", "green one", "blue one"), made("blue two", "red two")]

    assert chosen(candidates, 2) == [
        [("blue one", 1.0), ("red one", 0.25)],
        [("blue two", 1.0), ("red two", 0.25)],
    ]
    assert chosen(candidates, 1, "green") == [[("green one", 1.0)], [("blue two", 0.25)]]


def test_equal_sentences_count_once():
    assert chosen([made("red", "blue", "red", "blue")], 9) == [[("blue", 1.0), ("red", 0.25)]]


def test_it_equals_a_plain_choice():
    generator = np.random.default_rng(0)
    words = ["red", "green", "blue", "what"]
    candidates = [made(*(" ".join(generator.choice(words, 3)) for _ in range(6))) for _ in range(2)]

    model, plain = WarmRetrieval(), []
    for code, of in zip(CODES, candidates):
        each = list(dict.fromkeys(caption.sentence for caption in of))
        scores = [model.similarity(code[None], model.encode_text([one]))[0, 0] for one in each]
        order = np.argsort(-np.array(scores), kind="stable")
        plain.append([(each[place], pytest.approx(scores[place])) for place in order[:3]])
    assert chosen(candidates, 3) == plain


def test_a_sentence_without_a_known_word_comes_last():
    assert chosen([made("what is", "red", "who", "blue")], 4) == [
        [("blue", 1.0), ("red", 0.25), ("what is", UNREAD), ("who", UNREAD)]
    ]
    assert chosen([made("what is")], 1) == [[("what is", UNREAD)]]


def test_of_equals_the_earlier_one_is_kept_though_it_comes_again():
    drawn = made("a red", "red a", "a red")

    assert chosen([drawn], 2) == [[("a red", 0.25), ("red a", 0.25)]]
    ((kept,),) = rerank(WarmRetrieval(), CODES[:1], [drawn])
    assert kept[0] is drawn[0]
