"""CLIP's text side: the packed way equals the plain, and a sentence's code is that of its end."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import paddle
import pytest

pytest.importorskip("tokenizers")

from vsepp.config import Config
from vsepp.models.text_encoders.clip import CLIPTextEncoder, CLIPTextExtractor
from vsepp.models.transformer import LayerOptions
from vsepp.models.twins import find_twin
from vsepp.models.twins.packed_clip import text_codes
from vsepp.system.errors import InputError

END, TIME, TOKENS = 19, 7, 20
OPTIONS = LayerOptions(16, 2, 24, "quick_gelu", norm_first=True, layer_norm_eps=1e-5)


def build(**options):
    paddle.seed(0)
    return CLIPTextExtractor(TOKENS, TIME, 2, OPTIONS, 8, **{"end": END, **options})


def batch():
    """Captions of several lengths, each with its end; what stands behind is no zero."""
    generator = np.random.default_rng(0)
    lengths = np.array([3, 7, 2, 5, 3])
    captions = generator.integers(0, END, (len(lengths), TIME))
    captions[np.arange(len(lengths)), lengths - 1] = END
    return paddle.to_tensor(captions), paddle.to_tensor(lengths)


def gradients(network, codes):
    (codes * paddle.arange(codes.shape[1], dtype="float32")).sum().backward()
    found = {
        name: parameter.grad.numpy()
        for name, parameter in network.named_parameters()
        if parameter.grad is not None
    }
    network.clear_gradients()
    return found


@pytest.mark.parametrize("options", [{}, {"end": None}, {"frozen": True}, {"use_abs": True}])
def test_the_packed_way_is_the_plain_one(options):
    network = build(**options)
    assert find_twin(type(network)) is text_codes
    captions, lengths = batch()

    plain, packed = network.forward(captions, lengths), text_codes(network, captions, lengths)

    np.testing.assert_allclose(packed.numpy(), plain.numpy(), atol=1e-6)
    expected, found = gradients(network, plain), gradients(network, packed)
    assert found.keys() == expected.keys()
    assert (set(found) == {"fc.weight", "fc.bias"}) == bool(options.get("frozen"))
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, atol=1e-5, err_msg=name)


def test_padding_and_what_follows_the_end_change_nothing():
    network = build()
    captions, lengths = batch()
    other = captions.numpy().copy()
    other[np.arange(TIME) >= lengths.numpy()[:, None]] = 0

    np.testing.assert_allclose(
        network(captions, lengths).numpy(), network(paddle.to_tensor(other), lengths).numpy()
    )


@pytest.mark.parametrize("way", [CLIPTextExtractor.forward, text_codes])
def test_the_first_end_counts_or_the_largest_token(way):
    first = paddle.to_tensor([[1, 5, END, 3, END], [1, END, 7, END, END]])
    cut = paddle.to_tensor([[1, 5, END], [1, END, 0]])
    whole = paddle.to_tensor([5, 5])

    for network in (build(), build(end=None)):
        expected = way(network, cut, paddle.to_tensor([3, 2])).numpy()
        np.testing.assert_allclose(way(network, first, whole).numpy(), expected, atol=1e-6)


def test_a_sentence_that_is_too_long_is_refused():
    captions = paddle.zeros([1, TIME + 1], "int64")

    with pytest.raises(InputError, match="length is 8, and the text encoder takes 7 tokens"):
        build()(captions, paddle.to_tensor([TIME + 1]))


@pytest.mark.parametrize(
    "key, value", [("text_pooling", "mean"), ("word_dropout", 0.1), ("word_vectors", "glove.txt")]
)
def test_keys_of_other_text_encoders_are_refused(key, value):
    config = dataclasses.replace(Config(), text_model="clip", **{key: value})

    with pytest.raises(InputError, match=f"{key}: {value} is not for text_model=clip"):
        CLIPTextEncoder.for_training(config, SimpleNamespace())


def test_without_a_clip_it_says_what_makes_one():
    config = dataclasses.replace(Config(), text_model="clip")

    with pytest.raises(InputError, match=r"convert.* --clip FOLDER clip.ckpt.*text_weights=clip"):
        CLIPTextEncoder.for_training(config, SimpleNamespace())
