"""The plain layers give what Paddle's own encoder layer gives, and can be exported."""

import math

import numpy as np
import paddle
import pytest
from paddle import nn

from vsepp.models.transformer import ACTIVATIONS, LayerOptions, Transformer, TransformerLayer
from vsepp.system.errors import InputError

SIZE, HEADS, INNER = 12, 3, 20
LENGTHS = [5, 2, 4]
TIME = max(LENGTHS)


def make_states(batch=len(LENGTHS), time=TIME):
    numbers = np.random.default_rng(0).standard_normal((batch, time, SIZE))
    return paddle.to_tensor(numbers.astype(np.float32))


def mask_of(lengths):
    return np.arange(max(lengths)) < np.array(lengths)[:, None]


def as_paddle_has_it(layer):
    """Paddle's own layer with the same weights."""
    options = layer.options
    twin = nn.TransformerEncoderLayer(
        SIZE,
        HEADS,
        INNER,
        dropout=0.0,
        activation=options.activation,
        normalize_before=options.norm_first,
    )
    for norm in (twin.norm1, twin.norm2):  # Paddle 2 takes none as it makes them
        norm._epsilon = options.layer_norm_eps
    names = {
        "query": "self_attn.q_proj",
        "key": "self_attn.k_proj",
        "value": "self_attn.v_proj",
        "output": "self_attn.out_proj",
        "up": "linear1",
        "down": "linear2",
        "norm_attention": "norm1",
        "norm_output": "norm2",
    }
    state = {}
    for name, value in layer.state_dict().items():
        part, kind = name.split(".")
        state[f"{names[part]}.{kind}"] = value
    assert state.keys() == twin.state_dict().keys()
    twin.set_state_dict(state)
    return twin


@pytest.mark.parametrize("causal", [False, True], ids=["both ways", "causal"])
@pytest.mark.parametrize("activation", ["gelu", "relu"])
@pytest.mark.parametrize("norm_first", [False, True], ids=["norm after", "norm before"])
def test_a_layer_is_paddles_own(norm_first, activation, causal):
    paddle.seed(1)
    layer = TransformerLayer(LayerOptions(SIZE, HEADS, INNER, activation, norm_first, 1e-5))
    for parameter in layer.parameters():  # so that no bias is 0 and no norm 1
        parameter.set_value(parameter + 0.3 * paddle.randn(parameter.shape))
    there = mask_of(LENGTHS)
    seen = there[:, None, None, :]
    if causal:
        seen = seen & np.tri(TIME, dtype=bool)

    found = layer(make_states(), paddle.to_tensor(there), causal)

    bias = paddle.to_tensor(np.where(seen, 0, -1e9).astype(np.float32))
    expected = as_paddle_has_it(layer)(make_states(), bias)
    np.testing.assert_allclose(found.numpy()[there], expected.numpy()[there], atol=2e-6, rtol=0)


def test_without_a_mask_all_states_are_there():
    layer = TransformerLayer(LayerOptions(SIZE, HEADS, INNER))
    everything = paddle.ones([len(LENGTHS), TIME], "bool")

    np.testing.assert_allclose(
        layer(make_states()).numpy(), layer(make_states(), everything).numpy(), atol=1e-6
    )


def test_a_stack_is_its_layers_one_after_another():
    stack = Transformer(2, LayerOptions(SIZE, HEADS, INNER))

    found = stack(make_states(), causal=True)

    first, second = stack.layers
    expected = second(first(make_states(), None, True), None, True)
    np.testing.assert_array_equal(found.numpy(), expected.numpy())


def test_dropout_is_in_training_alone_and_in_both_places():
    stack = Transformer(1, LayerOptions(SIZE, HEADS, INNER, dropout=0.5))
    other = Transformer(1, LayerOptions(SIZE, HEADS, INNER, attention_dropout=0.5))
    for network in stack, other:
        states = make_states()
        trained = network(states).numpy()
        assert np.abs(network(states).numpy() - trained).max() > 1e-3
        network.eval()
        np.testing.assert_array_equal(network(states).numpy(), network(states).numpy())


def _tanh_gelu(x):
    return x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2


BY_HAND = {
    "gelu": lambda x: x * (1 + math.erf(x / math.sqrt(2))) / 2,
    "gelu_new": _tanh_gelu,
    "gelu_pytorch_tanh": _tanh_gelu,
    "quick_gelu": lambda x: x / (1 + math.exp(-1.702 * x)),
    "relu": lambda x: max(x, 0.0),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_are_what_their_names_mean(name):
    numbers = np.linspace(-6, 6, 101)

    found = ACTIVATIONS[name](paddle.to_tensor(numbers.astype(np.float32))).numpy()

    np.testing.assert_allclose(found, list(map(BY_HAND[name], numbers)), atol=1e-6)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"activation": "swish"}, "hidden_act: 'swish'"),
        ({"heads": 5}, "num_attention_heads: 5"),
        ({"heads": 0}, "num_attention_heads: 0"),
    ],
)
def test_what_no_layer_can_be_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        LayerOptions(**{"size": SIZE, "heads": HEADS, "inner_size": INNER, **options})


def test_a_stack_is_exported_for_any_batch(tmp_path):
    stack = Transformer(2, LayerOptions(SIZE, HEADS, INNER, "quick_gelu", True))
    stack.eval()
    of_any_size = [
        paddle.static.InputSpec([None, None, SIZE], "float32"),
        paddle.static.InputSpec([None, None], "bool"),
        True,
    ]
    path = str(tmp_path / "stack")

    paddle.jit.save(paddle.jit.to_static(stack, of_any_size, full_graph=True), path)

    exported = paddle.jit.load(path)
    for lengths in (LENGTHS, [7, 3]):
        inputs = make_states(len(lengths), max(lengths)), paddle.to_tensor(mask_of(lengths))
        np.testing.assert_allclose(
            exported(*inputs).numpy(), stack(*inputs, True).numpy(), atol=1e-5
        )
