"""Small maps by NumPy are what Paddle makes of them, and so is every gradient."""

import numpy as np
import paddle
import pytest
from paddle import nn
from paddle.vision.models import shufflenetv2

from vsepp.models.backbones import build_backbone
from vsepp.models.twins import small_maps
from vsepp.models.twins.small_maps import hasten_small_maps, shuffle_two


def gradients(layer, maps):
    """(result, {name: gradient}) of a loss in which no two numbers weigh the same."""
    inputs = paddle.to_tensor(maps)
    inputs.stop_gradient = False
    result = layer(inputs)
    weights = np.random.default_rng(2).standard_normal(result.shape).astype(np.float32)
    (result * paddle.to_tensor(weights)).sum().backward()
    named = layer.named_parameters()
    found = {name: value.grad.numpy() for name, value in named if not value.stop_gradient}
    layer.clear_gradients()
    return result.numpy(), {"inputs": inputs.grad.numpy(), **found}


def some_maps(*shape):
    return np.random.default_rng(1).standard_normal(shape).astype(np.float32)


def assert_same(layer, maps):
    expected, expected_grads = gradients(layer, maps)
    assert hasten_small_maps(layer)
    found, found_grads = gradients(layer, maps)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert found_grads.keys() == expected_grads.keys()
    # before a batch-norm some gradients are zero but for rounding, so the largest is the measure
    scale = max(np.abs(grad).max() for grad in expected_grads.values())
    for name, grad in expected_grads.items():
        np.testing.assert_allclose(found_grads[name], grad, rtol=1e-4, atol=1e-6 * scale)


@pytest.fixture
def in_numpy(monkeypatch):
    """How often a convolution was computed here."""
    calls = []
    apply = small_maps._Depthwise.apply
    monkeypatch.setattr(
        small_maps._Depthwise, "apply", lambda *inputs: calls.append(inputs) or apply(*inputs)
    )
    return calls


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("kernel, padding", [(3, 1), (3, 0), (5, 2), (1, 0)])
@pytest.mark.parametrize("height, width", [(8, 8), (7, 5)])
def test_a_depthwise_convolution(batch, stride, kernel, padding, height, width, in_numpy):
    layer = nn.Sequential(
        nn.Conv2D(4, 4, kernel, stride, padding, groups=4, bias_attr=False)
    )  # fmt: skip
    assert_same(layer, some_maps(batch, 4, height, width))
    assert len(in_numpy) == 1


@pytest.mark.parametrize(
    "unit",
    [shufflenetv2.InvertedResidual(8, 8, 1), shufflenetv2.InvertedResidualDS(8, 12, 2)],
    ids=["same size", "half the size"],
)
def test_a_unit_of_shufflenet(unit):
    assert_same(nn.Sequential(unit), some_maps(2, 8, 6, 6))


def test_shuffling_two_is_shuffling_both_behind_each_other():
    first, second = (paddle.to_tensor(some_maps(2, 3, 4, 5) + k) for k in (0, 1))
    expected = shufflenetv2.channel_shuffle(paddle.concat([first, second], axis=1), 2)
    assert (shuffle_two(first, second) == expected).all()


def test_a_whole_backbone_keeps_its_codes_and_its_names():
    paddle.seed(0)
    backbone = build_backbone("shufflenet_v2_x0_25")
    backbone.eval()
    maps = paddle.to_tensor(some_maps(2, 3, 64, 64))
    names, expected = list(backbone.state_dict()), backbone(maps).numpy()
    hasten_small_maps(backbone)
    np.testing.assert_allclose(backbone(maps).numpy(), expected, rtol=1e-4, atol=1e-5)
    assert list(backbone.state_dict()) == names


def test_gradients_are_the_same_to_the_bit_wherever_numpys_memory_lies():
    paddle.seed(0)
    backbone = build_backbone("shufflenet_v2_x0_25")
    hasten_small_maps(backbone)
    state = {name: value.numpy() for name, value in backbone.state_dict().items()}
    maps, found, kept = some_maps(4, 3, 32, 32), set(), []
    for size in range(6):
        backbone.set_state_dict(state)
        kept.append(np.empty(1000 + 16 * size, np.uint8))  # moves what is allocated next
        result, grads = gradients(backbone, maps)
        found.add(b"".join(map(np.ndarray.tobytes, (result, *grads.values()))))
    assert len(found) == 1


def test_large_maps_go_paddles_way(in_numpy):
    layer = nn.Sequential(nn.Conv2D(2, 2, 3, padding=1, groups=2, bias_attr=False))
    maps = paddle.to_tensor(some_maps(1, 2, small_maps.LARGEST + 1, 16))
    expected = layer(maps).numpy()
    hasten_small_maps(layer)
    assert (layer(maps).numpy() == expected).all()
    assert not in_numpy


@pytest.mark.parametrize(
    "options",
    [
        {"groups": 2},
        {"groups": 4, "bias_attr": None},
        {"groups": 4, "dilation": 2},
        {"groups": 4, "padding": "same"},
        {"groups": 4, "padding": [1, 0]},
        {"groups": 4, "stride": (1, 2)},
        {"groups": 4, "padding": 1, "padding_mode": "reflect"},
    ],
    ids=str,
)
def test_other_convolutions_are_left_alone(options):
    layer = nn.Sequential(nn.Conv2D(4, 4, 3, **{"bias_attr": False, **options}))
    assert hasten_small_maps(layer) == 0
    assert "forward" not in vars(layer[0])
