import numpy as np
import pytest
from captioning.table_step import TableStep, vocabulary_of

from vsepp.captioning.decoding import decode
from vsepp.captioning.options import Decoding
from vsepp.system.errors import InputError


@pytest.mark.parametrize(
    "options, said",
    [
        ({"beam": 0}, "beam must be a whole number from 1 on, not 0."),
        ({"beam": 2.0}, "beam must be a whole number from 1 on, not 2.0."),
        ({"beam": True}, "beam must be a whole number from 1 on, not True."),
        ({"captions": 0}, "captions must be a whole number from 1 on, not 0."),
        ({"beam": 2, "captions": 3}, "give a beam of 3 or more"),
        ({"longest": 0}, "longest must be a whole number from 1 on, not 0."),
        ({"block_ngram": -1}, "block_ngram must be a whole number from 0 on, not -1."),
        ({"length_penalty": -0.5}, "length_penalty must be a number from 0 on"),
        ({"length_penalty": float("nan")}, "length_penalty must be a number from 0 on"),
        ({"length_penalty": 1e300}, "length_penalty must be a number from 0 on and below 10"),
        ({"beam": 10**9}, "beam must be at most 1000, not 1000000000."),
        ({"captions": 1001, "sample": True}, "captions must be at most 1000, not 1001."),
        ({"longest": 10**9}, "longest must be at most 10000, not 1000000000."),
        ({"sample": "no"}, "sample must be True or False, not 'no'."),
        ({"sample": True, "temperature": 0}, "temperature must be a number above 0"),
        ({"sample": True, "temperature": float("inf")}, "temperature must be a number above 0"),
        ({"sample": True, "top_p": 0}, "top_p must be a number above 0 and at most 1"),
        ({"sample": True, "top_p": 1.1}, "top_p must be a number above 0 and at most 1"),
        ({"sample": True, "top_k": -2}, "top_k must be a whole number from 0 on, not -2."),
        ({"sample": True, "seed": -1}, "seed must be a whole number from 0 on, not -1."),
        ({"temperature": 0.7}, "temperature is for sampling"),
        ({"top_k": 3}, "top_k is for sampling"),
    ],
)
def test_an_option_that_means_nothing_is_refused_in_one_sentence(options, said):
    with pytest.raises(InputError) as refused:
        Decoding(**options)

    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_sampling_gives_more_captions_than_a_beam_is_wide():
    vocabulary = vocabulary_of(3)

    (captions,) = decode(
        TableStep(1, vocabulary), 1, vocabulary, Decoding(beam=2, captions=7, sample=True)
    )

    assert len(captions) == 7


def test_a_captioner_that_gives_nan_is_named():
    vocabulary = vocabulary_of(3)
    step = TableStep(2, vocabulary)
    step.table[1] = np.nan

    with pytest.raises(InputError, match="gives NaN for probabilities"):
        decode(step, 2, vocabulary)


def test_a_vocabulary_without_words_is_named():
    vocabulary = vocabulary_of(0)

    with pytest.raises(InputError, match="vocabulary has no words"):
        decode(TableStep(1, vocabulary), 1, vocabulary)
