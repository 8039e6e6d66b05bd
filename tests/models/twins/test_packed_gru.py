"""The packed recurrence gives what nn.GRU gives, outputs and every gradient."""

import numpy as np
import paddle
import pytest
from paddle import nn

from vsepp.models.twins.packed_gru import layer_weights, packed_gru
from vsepp.models.twins.step_packing import StepPacking

INPUT, HIDDEN = 6, 5
LENGTHS = {
    "falling": [5, 4, 4, 1],
    "rising": [1, 2, 5],
    "any order": [3, 1, 7, 2, 7, 4],
    "batch of one": [4],
    "one word": [1],
    "all of one word": [1, 1, 1],
    "all alike": [3, 3, 3],
}


def make_gru(layers):
    paddle.seed(1)
    return nn.GRU(INPUT, HIDDEN, layers)


def make_words(lengths):
    shape = (len(lengths), max(lengths), INPUT)
    words = paddle.to_tensor(np.random.default_rng(0).standard_normal(shape).astype(np.float32))
    words.stop_gradient = False
    return words


def packed(gru, words, lengths):
    """Last states, from padded words, so that their gradient can be compared."""
    packing = StepPacking(lengths)
    rows = paddle.gather(words.reshape([-1, INPUT]), paddle.to_tensor(packing.words))
    return packed_gru(gru, rows, packing)


def padded(gru, words, lengths):
    return gru(words, sequence_length=paddle.to_tensor(np.array(lengths)))[1][-1]


def gradients(compute, gru, lengths):
    """Of words and weights, for a loss in which no two entries weigh the same."""
    words = make_words(lengths)
    states = compute(gru, words, lengths)
    weights = np.random.default_rng(2).standard_normal(states.shape).astype(np.float32)
    (states * paddle.to_tensor(weights)).sum().backward()
    found = {"words": words.grad.numpy()}
    for layer in range(gru.num_layers):
        for weight in layer_weights(gru, layer):
            found[f"{layer} {weight.name}"] = weight.grad.numpy()
    gru.clear_gradients()
    return states.numpy(), found


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
def test_states_and_gradients_are_those_of_nn_gru(layers, lengths):
    gru = make_gru(layers)

    expected, expected_gradients = gradients(padded, gru, lengths)
    states, found = gradients(packed, gru, lengths)

    np.testing.assert_allclose(states, expected, atol=1e-5, rtol=0)
    assert len(found) == 1 + 4 * layers
    for name, value in expected_gradients.items():
        scale = np.abs(value).max()
        assert scale > 0 or max(lengths) == 1  # a first word has no state before it
        np.testing.assert_allclose(
            found[name], value, atol=max(1e-4 * scale, 1e-9), rtol=0, err_msg=name
        )


@pytest.mark.parametrize("layers", [1, 2])
def test_states_without_gradients_are_the_same(layers):
    gru, lengths = make_gru(layers), LENGTHS["any order"]
    with paddle.no_grad():
        found = packed(gru, make_words(lengths), lengths)
        expected = padded(gru, make_words(lengths), lengths)

    np.testing.assert_allclose(found.numpy(), expected.numpy(), atol=1e-5, rtol=0)
    assert found.stop_gradient


def test_large_inputs_do_not_overflow():
    gru, lengths = make_gru(1), [3, 2]
    states, found = gradients(
        lambda gru, words, lengths: packed(gru, words * 1e4, lengths), gru, lengths
    )

    assert np.isfinite(states).all()
    assert all(np.isfinite(value).all() for value in found.values())


def test_a_batch_shrinks_as_captions_end():
    packing = StepPacking([2, 4, 1])

    assert list(packing.order) == [1, 0, 2]
    assert packing.batch_sizes == [3, 2, 1, 1]
    # positions in a grid of 3 captions × 4 columns: the first words, the second words, …
    assert list(packing.words) == [4, 0, 8, 5, 1, 6, 7]
    assert list(packing.unsort(np.array([10, 20, 30]))) == [20, 10, 30]
