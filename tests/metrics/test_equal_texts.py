"""Equal texts are counted, and made right, as loops over all pairs of them would."""

import doctest

import numpy as np
import pytest

from vsepp import Correspondence, InputError
from vsepp.metrics import equal_texts
from vsepp.metrics.equal_texts import EqualTexts
from vsepp.text import equal as text_equal
from vsepp.text.equal import first_of_equal, first_of_equal_captions


def sentences(n_texts, kinds, seed):
    return [
        f"sentence {kind}" for kind in np.random.default_rng(seed).integers(kinds, size=n_texts)
    ]


@pytest.mark.parametrize("stride", [1, 2, 5])
@pytest.mark.parametrize("kinds", [1, 3, 20, 1000])
def test_counts_and_relation_are_those_of_loops(stride, kinds):
    texts = sentences(8 * stride, kinds, stride)
    owner = [place // stride for place in range(len(texts))]
    shared = [
        any(text == other and mine != its for other, its in zip(texts, owner))
        for text, mine in zip(texts, owner)
    ]
    pairs = {
        (image, place)
        for place, text in enumerate(texts)
        for other, image in zip(texts, owner)
        if other == text
    }

    equal = EqualTexts(first_of_equal(texts), stride)

    assert equal.shared.tolist() == shared
    assert equal.captions == sum(shared)
    assert equal.sentences == len({text for text, is_shared in zip(texts, shared) if is_shared})
    assert equal.correspondence() == Correspondence.from_pairs(sorted(pairs), 8, len(texts))


def test_texts_that_are_all_different_leave_the_stride():
    equal = EqualTexts(np.arange(6), 2)

    assert (equal.captions, equal.sentences) == (0, 0)
    assert equal.correspondence().captions_per_image == 2


def test_one_image_may_have_a_sentence_twice():
    equal = EqualTexts([0, 0, 2, 3], 2)

    assert equal.captions == 0
    assert equal.correspondence() == Correspondence.from_stride(2, 2)


@pytest.mark.parametrize(
    ("first", "stride"),
    [([0, 2, 2], 1), ([0, -1], 1), ([0, 0, 1], 1), ([0.0, 1.0], 1), ([0, 1, 2], 2), ([], 1)],
)
def test_what_is_no_such_list_is_refused(first, stride):
    with pytest.raises(InputError):
        EqualTexts(first, stride)


def test_captions_are_equal_by_their_indices():
    captions = [[3, 1], (3, 1), np.array([3, 1]), [3, 1, 0], [1, 3]]

    assert first_of_equal_captions(captions).tolist() == [0, 0, 0, 3, 4]


def test_the_examples_in_the_docstrings_hold():
    for module in (equal_texts, text_equal):
        assert doctest.testmod(module).failed == 0
