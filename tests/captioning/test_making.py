"""What the options amount to."""

import numpy as np
import pytest
from captioning.colour_captioner import ColourCaptioner, WarmRetrieval

from vsepp import InputError
from vsepp.captioning.making import Maker, asked_for
from vsepp.captioning.options import Decoding


@pytest.mark.parametrize(
    "given, captions, candidates, expected",
    [
        ({}, 1, None, Decoding()),
        ({"beam": 3}, 2, None, Decoding(beam=3, captions=2)),
        ({}, 7, None, Decoding(beam=7, captions=7)),
        ({}, 1, 0, Decoding(beam=10, captions=10)),
        ({"beam": 4}, 1, 0, Decoding(beam=4, captions=4)),
        ({}, 1, 8, Decoding(beam=8, captions=8)),
        ({}, 12, 0, Decoding(beam=12, captions=12)),
        ({"sample": True, "seed": 3}, 2, None, Decoding(sample=True, seed=3, captions=2)),
        ({"sample": True, "top_k": 4}, 1, 0, Decoding(sample=True, top_k=4, captions=10)),
    ],
)
def test_options(given, captions, candidates, expected):
    assert asked_for(Decoding(), given, captions, candidates) == expected


def test_the_checkpoint_s_own_options_hold_where_nothing_is_given():
    usual = Decoding(beam=3, length_penalty=0.7, longest=9)

    assert asked_for(usual, {}, 1) == usual
    assert asked_for(usual, {"length_penalty": 0.0}, 2) == Decoding(3, 2, 9)
    assert asked_for(usual, {"beam": 2}, 1, 0) == Decoding(2, 2, 9, 0.7)


@pytest.mark.parametrize(
    "given, captions, candidates, said",
    [
        ({"beam": 3}, 5, None, "captions is 5, and beam 3"),
        ({"beam": 3, "sample": True}, 1, None, "beam and sample"),
        ({"seed": 3}, 1, None, "seed is for sampling"),
        ({}, 5, 3, "captions is 5, and candidates 3"),
        ({"beam": 3}, 1, 10, "candidates is 10, and beam 3: .* give a beam of 10 or more"),
        ({"beam": 3}, 5, 0, "captions is 5, and beam 3"),
        ({}, 0, None, "captions must be"),
        ({}, 0, 0, "captions must be a whole number from 1 on, not 0"),
        ({"sample": True}, -2, 10, "captions must be a whole number from 1 on, not -2"),
    ],
)
def test_options_that_do_not_go_together(given, captions, candidates, said):
    with pytest.raises(InputError, match=said):
        asked_for(Decoding(), given, captions, candidates)


def pixels(value):
    return np.full((32, 32, 3), value, np.uint8)


def test_a_drawn_sentence_depends_on_the_photograph_and_the_seed_alone():
    def drawn(seed, *values):
        maker = Maker(ColourCaptioner(), Decoding(sample=True, seed=seed), 1)
        return [of[0][1].sentence for of in maker.answers([pixels(value) for value in values])]

    assert drawn(0, 1, 2, 1) == [*drawn(0, 1), *drawn(0, 2), *drawn(0, 1)]
    assert drawn(0, 1) != drawn(0, 2) and drawn(0, 1) != drawn(1, 1)


def test_the_origin_names_what_the_sentences_depend_on():
    def origin(decoding=Decoding(), keep=1, chooser=None, **model):
        return Maker(ColourCaptioner(**model), decoding, keep, chooser).origin()

    plain = origin()
    assert plain == {"checkpoint": f"of fingerprint {12 * 'f'}", "beam": 5, "captions": 1}
    others = [
        origin(Decoding(beam=3)),
        origin(Decoding(length_penalty=0.5)),
        origin(Decoding(captions=2), 2),
        origin(fingerprint="a" * 64),
        origin(Decoding(sample=True)),
        origin(Decoding(sample=True, seed=2)),
        origin(Decoding(captions=5), 1, WarmRetrieval()),
        origin(Decoding(captions=5), 1, WarmRetrieval(fingerprint="d" * 64)),
        origin(Decoding(captions=5), 1, WarmRetrieval(test_flip=True)),
    ]
    assert all(others.count(other) == 1 and other != plain for other in others)
