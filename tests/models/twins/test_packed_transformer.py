"""The packed transformer gives what the plain one gives, states and every gradient."""

import numpy as np
import paddle
import pytest

from vsepp.models.transformer import ACTIVATIONS, LayerOptions, Transformer
from vsepp.models.twins import length_packing, packed_transformer
from vsepp.models.twins.length_packing import LengthPacking
from vsepp.models.twins.packed_transformer import packed_states

SIZE, HEADS, INNER, LAYERS = 12, 3, 20, 2
LENGTHS = {
    "any order": [3, 1, 7, 2, 7, 4],
    "one of one word": [1],
    "all of one word": [1, 1, 1],
    "all alike": [5, 5, 5],
}


def make_stack(**options):
    paddle.seed(1)
    stack = Transformer(LAYERS, LayerOptions(SIZE, HEADS, INNER, **options))
    for parameter in stack.parameters():  # so that no bias is 0 and no norm 1
        parameter.set_value(parameter + 0.3 * paddle.randn(parameter.shape))
    return stack


def make_words(lengths, seed=0):
    numbers = np.random.default_rng(seed).standard_normal((sum(lengths), SIZE))
    words = paddle.to_tensor(numbers.astype(np.float32))
    words.stop_gradient = False
    return words


def padded(stack, words, lengths, causal=False):
    """The plain way, from packed words to packed states."""
    there = np.arange(max(lengths)) < np.array(lengths)[:, None]
    places = paddle.to_tensor(np.flatnonzero(there))
    grid = paddle.scatter(paddle.zeros([there.size, SIZE]), places, words)
    states = stack(grid.reshape([*there.shape, SIZE]), paddle.to_tensor(there), causal)
    return paddle.gather(states.reshape([-1, SIZE]), places)


def backward(states):
    """Of a loss in which no two entries weigh the same."""
    weights = np.random.default_rng(2).standard_normal(states.shape).astype(np.float32)
    (states * paddle.to_tensor(weights)).sum().backward()


def gradients(compute, stack, lengths, causal=False):
    words = make_words(lengths)
    states = compute(stack, words, lengths, causal)
    backward(states)
    found = {"words": words.grad.numpy()}
    for name, parameter in stack.named_parameters():
        found[name] = parameter.grad.numpy()
    stack.clear_gradients()
    return states.numpy(), found


def assert_same_gradients(found, expected):
    assert len(found) == 1 + 16 * LAYERS and found.keys() == expected.keys()
    for name, value in expected.items():
        # a key's bias changes no softmax: its gradient is nothing but rounding
        scale = 1 if name.endswith("key.bias") else np.abs(value).max()
        np.testing.assert_allclose(
            found[name], value, atol=max(1e-4 * scale, 1e-6), rtol=0, err_msg=name
        )


@pytest.mark.parametrize("causal", [False, True], ids=["both ways", "causal"])
@pytest.mark.parametrize("norm_first", [False, True], ids=["norm after", "norm before"])
@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
def test_states_and_gradients_are_those_of_the_plain_stack(lengths, norm_first, causal):
    stack = make_stack(norm_first=norm_first, layer_norm_eps=1e-5)

    expected, expected_gradients = gradients(padded, stack, lengths, causal)
    states, found = gradients(packed_states, stack, lengths, causal)

    np.testing.assert_allclose(states, expected, atol=1e-5, rtol=0)
    assert_same_gradients(found, expected_gradients)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_so_they_are_with_every_activation(activation):
    stack, lengths = make_stack(activation=activation), LENGTHS["any order"]

    expected, expected_gradients = gradients(padded, stack, lengths)
    states, found = gradients(packed_states, stack, lengths)

    np.testing.assert_allclose(states, expected, atol=1e-5, rtol=0)
    assert_same_gradients(found, expected_gradients)


def test_so_they_are_where_sentences_are_cut_into_parts(monkeypatch):
    monkeypatch.setattr(length_packing, "PART", 6)
    stack, lengths = make_stack(), LENGTHS["any order"]
    assert len(LengthPacking(lengths).parts) == 3

    expected, expected_gradients = gradients(padded, stack, lengths)
    states, found = gradients(packed_states, stack, lengths)

    np.testing.assert_allclose(states, expected, atol=1e-5, rtol=0)
    assert_same_gradients(found, expected_gradients)


class _Given:
    """In the place of a dropout: multiplies by what was drawn before, one after another."""

    def __init__(self, factors):
        self.factors = iter(factors)

    def __call__(self, values):
        return values * paddle.to_tensor(next(self.factors))


def on_a_grid(dropped, lengths):
    """What the twin dropped, laid out as the plain layer meets it: (pairs, attention, dense)."""
    batch, time = len(lengths), max(lengths)
    packed = LengthPacking(lengths)
    pairs = np.zeros((batch, HEADS, time, time), np.float32)
    sentences = iter(packed.order)
    for part in packed.parts:
        of_part = dropped.pairs[part.pairs.start * HEADS : part.pairs.stop * HEADS]
        for group in part.groups:
            size = HEADS * group.length**2
            start = group.pairs.start * HEADS
            for place in range(group.count):
                block = of_part[start + place * size : start + (place + 1) * size]
                block = block.reshape(HEADS, group.length, group.length)
                pairs[next(sentences), :, : group.length, : group.length] = block
    there = np.flatnonzero(np.arange(time) < np.array(lengths)[:, None])
    states = []
    for rows in (dropped.attention, dropped.dense):
        grid = np.zeros((batch * time, SIZE), np.float32)
        grid[there[packed.words]] = rows
        states.append(grid.reshape(batch, time, SIZE))
    return [pairs, *states]


@pytest.mark.parametrize("norm_first", [False, True], ids=["norm after", "norm before"])
def test_dropout_is_that_of_the_plain_stack(norm_first, monkeypatch):
    monkeypatch.setattr(length_packing, "PART", 6)
    stack = make_stack(norm_first=norm_first, dropout=0.2, attention_dropout=0.3)
    lengths, drawn = LENGTHS["any order"], []

    def draw(*arguments):
        drawn.append(packed_transformer_draws(*arguments))
        return drawn[-1]

    packed_transformer_draws = packed_transformer.draw_dropped
    monkeypatch.setattr(packed_transformer, "draw_dropped", draw)
    states, found = gradients(packed_states, stack, lengths)
    assert len(drawn) == LAYERS
    for layer, dropped in zip(stack.layers, drawn):
        pairs, attention, dense = on_a_grid(dropped, lengths)
        for name in ("dropout", "attention_dropout"):
            delattr(layer, name)
        layer.dropout = _Given([attention, dense])
        layer.attention_dropout = _Given([pairs])
    expected, expected_gradients = gradients(padded, stack, lengths)

    np.testing.assert_allclose(states, expected, atol=1e-5, rtol=0)
    assert_same_gradients(found, expected_gradients)


def test_dropout_drops_its_share_and_keeps_the_mean():
    options = LayerOptions(64, 4, 8, dropout=0.1, attention_dropout=0.25)

    dropped = packed_transformer.draw_dropped(np.random.default_rng(1), options, 1000, 5000)

    for values, rate in ((dropped.dense, 0.1), (dropped.pairs, 0.25), (dropped.attention, 0.1)):
        assert np.mean(values == 0) == pytest.approx(rate, abs=0.01)
        np.testing.assert_allclose(values[values > 0], 1 / (1 - rate), rtol=1e-4)
    assert dropped.pairs.shape == (20000,) and dropped.dense.shape == (1000, 64)
    assert (dropped.dense != dropped.attention).any()


def test_dropout_follows_from_paddles_seed_and_is_in_training_alone():
    stack, lengths = make_stack(dropout=0.2), LENGTHS["any order"]

    def states(seed):
        paddle.seed(seed)
        return packed_states(stack, make_words(lengths), lengths).numpy()

    np.testing.assert_array_equal(states(3), states(3))
    assert np.abs(states(3) - states(4)).max() > 1e-2
    with paddle.no_grad():
        np.testing.assert_array_equal(states(3), states(3))
        stack.eval()
        expected = padded(stack, make_words(lengths), lengths)
        np.testing.assert_allclose(states(3), expected.numpy(), atol=1e-5)


@pytest.mark.parametrize("norm_first", [False, True], ids=["norm after", "norm before"])
def test_states_without_gradients_are_the_same(norm_first):
    stack, lengths = make_stack(norm_first=norm_first), LENGTHS["any order"]

    with paddle.no_grad():
        states = packed_states(stack, make_words(lengths), lengths, causal=True)

    expected = packed_states(stack, make_words(lengths), lengths, causal=True)
    np.testing.assert_array_equal(states.numpy(), expected.numpy())
    assert states.stop_gradient and not expected.stop_gradient


def test_frozen_parameters_and_words_get_no_gradient_and_change_no_other():
    stack, lengths = make_stack(), LENGTHS["any order"]
    _, expected = gradients(packed_states, make_stack(), lengths)
    frozen = {"layers.0.up.weight", "layers.0.up.bias", "layers.1.norm_output.bias"}
    frozen |= {"layers.1.key.weight"}  # without its bias
    for name, parameter in stack.named_parameters():
        parameter.stop_gradient = name in frozen
    words = make_words(lengths).detach()

    backward(packed_states(stack, words, lengths))

    assert words.grad is None
    for name, parameter in stack.named_parameters():
        if name in frozen:
            assert parameter.grad is None
        else:
            np.testing.assert_array_equal(parameter.grad.numpy(), expected[name], err_msg=name)


def test_nothing_is_kept_for_gradients_that_nobody_wants():
    stack, lengths = make_stack(), LENGTHS["any order"]
    for parameter in stack.parameters():
        parameter.stop_gradient = True

    assert packed_states(stack, make_words(lengths).detach(), lengths).stop_gradient

    words = make_words(lengths)  # of a trained word table under a frozen stack
    backward(packed_states(stack, words, lengths))
    _, expected = gradients(padded, make_stack(), lengths)
    np.testing.assert_allclose(words.grad.numpy(), expected["words"], atol=1e-5)


def test_memory_that_is_used_again_holds_nothing_that_is_still_needed():
    stack = make_stack()
    expected = {}
    for seed, lengths in enumerate(LENGTHS.values()):
        words = make_words(lengths, seed)
        states = padded(stack, words, lengths)
        backward(states)
        expected[seed] = states.numpy(), words.grad.numpy()

    for _ in range(2):  # all forward before any goes backward; then again in the same memory
        results = []
        for seed, lengths in enumerate(LENGTHS.values()):
            words = make_words(lengths, seed)
            results.append((words, packed_states(stack, words, lengths)))
        for seed, (words, states) in enumerate(results):
            backward(states)
            np.testing.assert_allclose(states.numpy(), expected[seed][0], atol=1e-5)
            np.testing.assert_allclose(words.grad.numpy(), expected[seed][1], atol=1e-4)


def test_memory_of_a_stack_goes_with_it():
    stack, lengths = make_stack(), LENGTHS["any order"]
    held = len(packed_transformer._SPARE)
    backward(packed_states(stack, make_words(lengths), lengths))
    assert len(packed_transformer._SPARE) == held + 1

    del stack

    assert len(packed_transformer._SPARE) == held
