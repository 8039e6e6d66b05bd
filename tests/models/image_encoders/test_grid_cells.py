"""The image side of a captioner gives every cell, by any way the same."""

import numpy as np
import paddle
import pytest
from captioners import CELLS, FEATURES, make_features

from vsepp.models.image_encoders.grid_cells import FeatureCells, ImageCells
from vsepp.system.errors import InputError


@pytest.mark.parametrize("rectified", [False, True])
@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_values_and_gradients_are_those_of_the_plain_way(rectified, dropout):
    layer = FeatureCells(FEATURES, 5, rectified=rectified, feature_dropout=dropout)
    features = make_features()
    features.stop_gradient = False
    found = []
    for compute in (layer.codes_of_features, layer):
        layer.clear_gradients()
        features.clear_grad()
        paddle.seed(3)
        cells = compute(features)
        (cells * cells).sum().backward()
        grads = [one.grad.numpy().copy() for one in (features, *layer.parameters())]
        found.append([cells.numpy(), *grads])
    for one, other in zip(*found):
        np.testing.assert_allclose(one, other, atol=1e-4)
    assert found[1][0].shape == (3, CELLS, 5)
    assert (found[1][0].min() >= 0) == rectified


def test_stored_features_of_half_precision():
    layer = FeatureCells(FEATURES, 5)
    half = make_features(dtype=np.float16)
    cells = layer(half)
    assert cells.dtype == paddle.float32
    np.testing.assert_array_equal(cells.numpy(), layer(half.astype("float32")).numpy())


@pytest.mark.parametrize("options", [dict(mlp=True), dict(projection="residual")])
def test_other_layers_than_a_linear_one(options):
    layer = FeatureCells(FEATURES, 5, **options)
    layer.eval()
    assert layer(make_features()).shape == [3, CELLS, 5]


def test_features_without_cells_are_refused():
    with pytest.raises(InputError, match=r"\[n, cells, size\]"):
        FeatureCells(FEATURES, 5)(paddle.zeros([2, FEATURES]))


@pytest.mark.parametrize("finetuned", [False, True])
def test_images_become_the_cells_of_their_features(finetuned):
    paddle.seed(0)
    layer = ImageCells(
        5, pretrained_model="shufflenet_v2_x0_25", pretrained=False, finetuned=finetuned, grid=2
    )
    layer.eval()
    pixels = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3)).astype(np.uint8)
    cells = layer(paddle.to_tensor(pixels))

    assert cells.shape == [2, 4, 5]
    features = layer.backbone(layer.normalized(paddle.to_tensor(pixels)))
    np.testing.assert_allclose(
        cells.numpy(), layer.encode_features(features).numpy(), rtol=1e-3, atol=1e-5
    )
    cells.sum().backward()
    trained = [p.grad is not None for p in layer.backbone.parameters() if "w" in p.name]
    assert any(trained) == finetuned
