"""A twin gives what the layer's own forward gives, and is chosen in one place."""

import importlib

import numpy as np
import paddle
import pytest

from vsepp import ImageRepExtractor, TextRepExtractor
from vsepp.models import twins
from vsepp.models.text_encoders.pooled_gru import PooledTextExtractor
from vsepp.models.twins import TWINS, compute, find_twin


def text(layers=1, kind=TextRepExtractor, **options):
    paddle.seed(0)
    layer = kind(20, 6, 8, layers, **options)
    grid = np.zeros((4, 9), np.int64)
    lengths = np.array([3, 7, 1, 5])
    for row, length in zip(grid, lengths):
        row[:length] = np.random.default_rng(0).integers(1, 20, length)
    return layer, (paddle.to_tensor(grid), paddle.to_tensor(lengths))


def image(**options):
    paddle.seed(0)
    layer = ImageRepExtractor(8, "shufflenet_v2_x0_25", pretrained=False, **options)
    layer.eval()
    pixels = np.random.default_rng(0).integers(256, size=(2, 64, 64, 3), dtype=np.uint8)
    return layer, (paddle.to_tensor(pixels),)


CASES = {
    "one layer": text,
    "two layers": lambda: text(2),
    "absolute values": lambda: text(use_abs=True),
    "both ways": lambda: text(kind=PooledTextExtractor, both_ways=True, pooling="gpo"),
    "pixels": image,
    "pixels of another scale": lambda: image(mean=[0.5] * 3, std=[0.5] * 3),
}


@pytest.mark.parametrize("case", CASES)
def test_a_twin_equals_forward_in_codes_and_gradients(case):
    layer, inputs = CASES[case]()
    assert find_twin(type(layer))
    found, gradients = [], []
    for way in (lambda: layer.forward(*inputs), lambda: compute(layer, *inputs)):
        layer.clear_gradients()
        codes = way()
        (codes * paddle.arange(codes.shape[1], dtype="float32")).sum().backward()
        found.append(codes.numpy())
        gradients.append(
            {
                name: parameter.grad.numpy()
                for name, parameter in layer.named_parameters()
                if parameter.grad is not None
            }
        )

    np.testing.assert_allclose(found[1], found[0], atol=1e-6)
    assert gradients[0].keys() == gradients[1].keys() and gradients[0]
    for name, expected in gradients[0].items():
        scale = np.abs(expected).max()
        np.testing.assert_allclose(gradients[1][name], expected, atol=2e-6 * max(scale, 1))


def test_every_twin_is_there_and_of_a_layer_that_is_there():
    for places in TWINS.items():
        for place in places:
            module, _, name = place.partition(":")
            assert callable(getattr(importlib.import_module(module), name))


@pytest.mark.parametrize("case", ["one layer", "pixels"])
def test_a_layer_called_by_itself_comes_by_its_twin(case, monkeypatch):
    layer, inputs = CASES[case]()
    monkeypatch.setattr(twins, "find_twin", lambda kind: lambda *given: given)

    assert layer(*inputs)[0] is layer


def test_a_forward_of_ones_own_is_not_passed_over(monkeypatch):
    class Constant(TextRepExtractor):
        def forward(self, captions, cap_lens):
            return paddle.ones([captions.shape[0], 2])

    layer, inputs = text()

    assert Constant(20, 6, 8, 1)(*inputs).numpy().tolist() == [[1.0, 1.0]] * 4
    monkeypatch.setattr(layer, "forward", lambda *_: "mine")
    assert compute(layer, *inputs) == "mine"


@pytest.mark.parametrize("case", ["two layers", "both ways", "pixels"])
def test_a_layer_can_be_exported(case, tmp_path):
    """forward computes with tensors alone: what is exported takes any batch and length."""
    layer, inputs = CASES[case]()
    layer.eval()
    if case == "pixels":
        spec = [paddle.static.InputSpec([None, 64, 64, 3], "uint8")]
    else:
        spec = [
            paddle.static.InputSpec([None, None], "int64"),
            paddle.static.InputSpec([None], "int64"),
        ]
    paddle.jit.save(layer, str(tmp_path / "layer"), input_spec=spec)
    exported = paddle.jit.load(str(tmp_path / "layer"))

    with paddle.no_grad():
        expected = layer(*inputs).numpy()
        np.testing.assert_allclose(exported(*inputs).numpy(), expected, atol=1e-5)
        few = [part[:1] for part in inputs]
        np.testing.assert_allclose(exported(*few).numpy(), expected[:1], atol=1e-5)


@pytest.mark.parametrize("hang", ["register_forward_pre_hook", "register_forward_post_hook"])
def test_what_is_hung_on_a_layer_is_called(hang):
    layer, inputs = text()
    before = compute(layer, *inputs).numpy()
    called = []
    hook = getattr(layer, hang)(lambda *given: called.append(len(given)))

    found = layer(*inputs).numpy()
    hook.remove()
    layer(*inputs)

    assert len(called) == 1
    np.testing.assert_allclose(found, before, atol=1e-6)
