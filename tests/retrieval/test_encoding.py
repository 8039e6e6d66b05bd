"""Captions that are equal are encoded once."""

import numpy as np
import paddle
import pytest

from vsepp import VSEPP
from vsepp.retrieval import encoding
from vsepp.retrieval.encoding import encode_captions, evaluation_mode


@pytest.fixture(scope="module")
def model():
    paddle.seed(0)
    return VSEPP(30, 6, 16, 1, "shufflenet_v2_x0_25", finetuned=True, pretrained=False)


def captions(count, kinds, seed=0):
    generator = np.random.default_rng(seed)
    known = [generator.integers(1, 30, generator.integers(1, 9)).tolist() for _ in range(kinds)]
    return [known[kind] for kind in generator.integers(kinds, size=count)]


@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_codes_are_those_of_one_by_one_and_of_equals_the_same_to_the_bit(model, batch_size):
    given = captions(40, 7)
    with evaluation_mode(model):
        slow = np.concatenate([encode_captions(model, [caption], 1) for caption in given])

        found = encode_captions(model, given, batch_size)

    np.testing.assert_allclose(found, slow, atol=1e-6)
    assert len(np.unique(found, axis=0)) == len({tuple(caption) for caption in given}) == 7
    assert found.dtype == np.float32


def test_each_sentence_is_encoded_once(model, monkeypatch):
    seen, compute = [], encoding.compute

    def counted(network, grid, lengths):
        seen.extend(
            tuple(row[:length]) for row, length in zip(grid.numpy().tolist(), lengths.tolist())
        )
        return compute(network, grid, lengths)

    monkeypatch.setattr(encoding, "compute", counted)
    given = captions(40, 7)
    with evaluation_mode(model):
        encode_captions(model, given, 3)

    assert sorted(seen) == sorted({tuple(caption) for caption in given})


def test_no_captions_have_no_codes(model):
    assert not encode_captions(model, [], 4).size
