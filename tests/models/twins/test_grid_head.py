"""The head over a grid in NumPy gives what the layer gives: codes and every gradient."""

import numpy as np
import paddle
import pytest

from vsepp import FeatureRepExtractor
from vsepp.models.twins import compute, grid_head
from vsepp.models.twins.cell_pooling import MOST_CELLS

OPTIONS = {
    "mean": dict(pooling="mean"),
    "max": dict(pooling="max"),
    "gpo": dict(pooling="gpo"),
    "gpo and MLP": dict(pooling="gpo", mlp=True),
    "max and MLP": dict(pooling="max", mlp=True),
    "unit features": dict(pooling="gpo", mlp=True, normalize_features=True),
    "codes as they are": dict(pooling="gpo", normalize=False, use_abs=True),
    "numbers left out": dict(pooling="gpo", mlp=True, feature_dropout=0.3),
    "cells left out": dict(pooling="gpo", mlp=True, cell_dropout=0.6),
    "both left out": dict(pooling="gpo", normalize_features=True, feature_dropout=0.3,
                          cell_dropout=0.9),
    "cells left out of the mean": dict(pooling="mean", cell_dropout=0.5),
    "cells left out of the largest": dict(pooling="max", cell_dropout=0.5),
}  # fmt: skip


def make(**options):
    paddle.seed(0)
    layer = FeatureRepExtractor(12, 8, **options)
    for parameter in layer.parameters():  # so that no bias is zero
        parameter.set_value(parameter + 0.1 * paddle.randn(parameter.shape))
    return layer


def grid(dtype=np.float32, images=5, cells=9):
    rows = np.random.default_rng(0).standard_normal((images, cells, 12))
    return paddle.to_tensor(rows.astype(dtype))


def codes_and_gradients(layer, way):
    layer.clear_gradients()
    paddle.seed(3)
    codes = way()
    weights = np.random.default_rng(2).standard_normal(codes.shape).astype(np.float32)
    (codes * paddle.to_tensor(weights)).sum().backward()
    gradients = {name: value.grad.numpy() for name, value in layer.named_parameters()}
    return codes.numpy(), gradients


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_codes_and_gradients_are_those_of_the_layer(options, dtype, monkeypatch):
    layer, features = make(**options), grid(dtype)
    used = []
    monkeypatch.setattr(
        grid_head,
        "forward",
        lambda *a, real=grid_head.forward, **k: used.append(1) or real(*a, **k),
    )

    expected, expected_gradients = codes_and_gradients(layer, lambda: layer.forward(features))
    assert not used
    found, gradients = codes_and_gradients(layer, lambda: compute(layer, features))

    assert used
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert gradients.keys() == expected_gradients.keys()
    for name, value in expected_gradients.items():
        scale = max(np.abs(value).max(), 1)
        np.testing.assert_allclose(gradients[name], value, atol=1e-5 * scale, err_msg=name)
    assert np.abs(expected_gradients["fc.weight"]).max() > 0.01


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_codes_without_gradients_are_the_same_and_leave_nothing_out(options):
    layer = make(**options)
    layer.eval()

    with paddle.no_grad():
        found = layer.encode_features(grid())
        expected = layer.forward(grid())

    assert found.stop_gradient
    np.testing.assert_allclose(found.numpy(), expected.numpy(), atol=1e-6)
    plain = make(**{**options, "feature_dropout": 0.0, "cell_dropout": 0.0})
    np.testing.assert_allclose(plain(grid()).numpy(), expected.numpy(), atol=1e-6)


def test_equal_values_keep_their_sum_of_gradients():
    layer = make(pooling="gpo", normalize=False)
    features = paddle.ones([2, 9, 12])

    expected, expected_gradients = codes_and_gradients(layer, lambda: layer.forward(features))
    found, gradients = codes_and_gradients(layer, lambda: compute(layer, features))

    np.testing.assert_allclose(found, expected, atol=1e-6)
    for name, value in expected_gradients.items():
        np.testing.assert_allclose(gradients[name], value, atol=1e-5, err_msg=name)


def test_features_that_are_trained_get_their_gradient_from_the_layer():
    layer, features = make(pooling="gpo"), grid()
    features.stop_gradient = False

    layer.encode_features(features).sum().backward()

    assert np.abs(features.grad.numpy()).max() > 0


def test_what_the_twin_has_no_room_for_is_computed_by_the_layer(monkeypatch):
    monkeypatch.setattr(grid_head, "MOST_CELLS", 4)
    monkeypatch.setattr(grid_head, "forward", None)
    layer = make(pooling="gpo")

    np.testing.assert_array_equal(compute(layer, grid()).numpy(), layer.forward(grid()).numpy())
    assert MOST_CELLS >= 64 * 64
