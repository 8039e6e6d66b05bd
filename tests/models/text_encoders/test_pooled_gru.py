"""Captions read from both ends and pooled; what a step of training leaves out of them."""

import numpy as np
import paddle
import pytest
from paddle import nn

from vsepp.models.pooling import POOLINGS
from vsepp.models.text_encoders.pooled_gru import PooledTextExtractor
from vsepp.models.text_encoders.text_dropout import TextDropout

WORDS, SIZE, LENGTHS = 20, 8, (3, 7, 1, 5)
UNKNOWN, MARKS = 1, (0, 2, 3)


@pytest.fixture
def captions():
    grid = np.zeros((len(LENGTHS), max(LENGTHS)), np.int64)
    for row, length in zip(grid, LENGTHS):
        row[:length] = np.random.default_rng(0).integers(4, WORDS, length)
    return paddle.to_tensor(grid), paddle.to_tensor(np.array(LENGTHS))


def make(both_ways=True, pooling="mean", layers=1, **shares):
    paddle.seed(0)
    dropout = TextDropout(**shares, unknown=UNKNOWN, marks=MARKS)
    return PooledTextExtractor(WORDS, 6, SIZE, layers, False, both_ways, pooling, dropout)


def one_way(gru, way):
    """A GRU of the one direction of a layer that reads both ways."""
    alone = nn.GRU(6, SIZE)
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        getattr(alone, f"{name}_l0").set_value(getattr(gru, f"{name}_l0{way}"))
    return alone


def states_of(layer, caption):
    """(ahead, back) of one caption without padding, each ``[time, size]`` in the words' order."""
    words = layer.embedding(caption.unsqueeze(0))
    ahead = one_way(layer.gru, "")(words)[0][0]
    back = one_way(layer.gru, "_reverse")(words.flip([1]))[0][0].flip([0])
    return ahead.numpy(), back.numpy()


@pytest.mark.parametrize("pooling", ["mean", "max", "gpo", "last"])
def test_the_two_directions_are_averaged(pooling, captions):
    layer = make(pooling=pooling)

    codes = layer(*captions).numpy()

    for code, caption, length in zip(codes, captions[0], LENGTHS):
        ahead, back = states_of(layer, caption[:length])
        states = (ahead + back) / 2
        if pooling == "last":  # of the way back, the state at the first word
            pooled = (ahead[-1] + back[0]) / 2
        elif pooling == "gpo":
            pooled = layer.pooling.weights(length).numpy() @ np.sort(states, axis=0)[::-1]
        else:
            pooled = {"mean": np.mean, "max": np.max}[pooling](states, axis=0)
        np.testing.assert_allclose(code, pooled / np.linalg.norm(pooled), atol=1e-5)


@pytest.mark.parametrize("pooling", ["last", *POOLINGS])
def test_padding_and_neighbours_do_not_matter(pooling, captions):
    layer, (grid, lengths) = make(pooling=pooling, layers=2), captions
    noisy = np.full((len(LENGTHS), max(LENGTHS) + 2), 9, np.int64)
    for row, caption, length in zip(noisy, grid.numpy(), LENGTHS):
        row[:length] = caption[:length]

    codes = layer(grid, lengths).numpy()

    np.testing.assert_array_equal(layer(paddle.to_tensor(noisy), lengths).numpy(), codes)
    np.testing.assert_allclose(layer(grid[2:], lengths[2:]).numpy(), codes[2:], atol=1e-6)


SHARES = {"words": 0.5, "embeddings": 0.5, "outputs": 0.5}


@pytest.mark.parametrize("pooling", ["last", "gpo"])
@pytest.mark.parametrize("kind", SHARES)
def test_dropout_follows_from_the_seed_and_ends_with_training(kind, pooling, captions):
    layer, plain = make(pooling=pooling, **{kind: SHARES[kind]}), make(pooling=pooling)

    def codes(seed):
        paddle.seed(seed)
        return layer(*captions).numpy()

    first = codes(1)
    np.testing.assert_array_equal(codes(1), first)
    assert np.abs(codes(2) - first).max() > 1e-3
    layer.eval()
    np.testing.assert_array_equal(codes(1), plain(*captions).numpy())


@pytest.mark.parametrize("shares, draws", [({}, False), ({"words": 0.5}, True)])
def test_what_is_0_draws_no_random_number(shares, draws, captions):
    layer = make(**shares)
    paddle.seed(3)
    expected = paddle.rand([4]).numpy()
    paddle.seed(3)

    layer(*captions)

    assert np.array_equal(paddle.rand([4]).numpy(), expected) != draws


def test_a_word_left_out_is_unknown_and_marks_stay():
    captions = paddle.to_tensor(np.tile([2, 7, 8, 9, 3, 0], (500, 1)).astype(np.int64))
    paddle.seed(0)

    found = TextDropout(words=0.2, unknown=UNKNOWN, marks=MARKS).of_words(captions).numpy()

    changed = found != captions.numpy()
    assert not changed[:, [0, 4, 5]].any()
    assert (found[changed] == UNKNOWN).all()
    assert changed[:, 1:4].mean() == pytest.approx(0.2, abs=0.04)


def test_what_stays_is_scaled_up():
    paddle.seed(0)
    layer = make(pooling="mean", outputs=0.5)
    layer.code_of = lambda state: state
    ones = paddle.ones([1, 4], "int64"), paddle.to_tensor([4])
    with paddle.no_grad():
        mean = np.mean([layer.forward(*ones).numpy() for _ in range(300)], axis=0)
        layer.eval()
        np.testing.assert_allclose(mean, layer.forward(*ones).numpy(), atol=0.05)


@pytest.mark.parametrize("normalize", [True, False])
def test_a_residual_projection_stands_behind_the_pooled_states(normalize, captions):
    paddle.seed(0)
    plain = PooledTextExtractor(WORDS, 6, SIZE, 1, pooling="mean")
    plain.normalize = False
    layer = PooledTextExtractor(
        WORDS, 6, SIZE, 1, pooling="mean", projection="residual", normalize=normalize
    )
    layer.set_state_dict(plain.state_dict())
    layer.eval()

    codes = layer(*captions)

    expected = layer.fc(plain(*captions)).numpy()
    if normalize:
        expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(codes.numpy(), expected, atol=1e-5)
    np.testing.assert_allclose(layer.forward(*captions).numpy(), codes.numpy(), atol=1e-5)
