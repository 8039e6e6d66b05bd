"""The head over features: grids, the residual MLP and projection, what training leaves out."""

import numpy as np
import paddle
import pytest
from paddle import nn

from vsepp import FeatureRepExtractor, ImageRepExtractor
from vsepp.config import Config
from vsepp.models.image_encoders.cell_dropout import kept_cells, kept_first
from vsepp.models.image_encoders.cnn import CNNEncoder
from vsepp.models.projection import ResidualProjection
from vsepp.models.state import get_state, set_state
from vsepp.system.errors import InputError

TINY = "shufflenet_v2_x0_25"
GRID = dict(image_features="grid", image_model=TINY, embed_size=8, pretrained=False, image_size=64)


def features(*shape, seed=0):
    rows = np.random.default_rng(seed).standard_normal(shape)
    return paddle.to_tensor(rows.astype(np.float32))


def linear(layer, rows):
    return rows @ layer.weight.numpy() + layer.bias.numpy()


def unit(codes):
    return codes / np.linalg.norm(codes, axis=-1, keepdims=True)


def test_a_grid_becomes_the_unit_mean_of_what_the_linear_layer_makes_of_its_cells():
    paddle.seed(0)
    layer = FeatureRepExtractor(6, 4, pooling="mean")
    cells = features(3, 5, 6)

    expected = unit(linear(layer.fc, cells.numpy()).mean(1))

    np.testing.assert_allclose(layer(cells).numpy(), expected, atol=1e-6)
    np.testing.assert_allclose(layer(cells.astype("float16")).numpy(), expected, atol=1e-2)


@pytest.mark.parametrize("pooling, shape", [(None, (3, 6)), ("max", (3, 5, 6))])
def test_the_mlp_is_added_to_the_linear_layer(pooling, shape):
    paddle.seed(0)
    layer = FeatureRepExtractor(6, 4, normalize=False, pooling=pooling, mlp=True)
    rows = features(*shape)
    first, _, second = layer.mlp
    assert first.weight.shape == [6, 2]

    values = linear(layer.fc, rows.numpy())
    values = values + linear(second, np.maximum(linear(first, rows.numpy()), 0))

    expected = values if pooling is None else values.max(1)
    np.testing.assert_allclose(layer(rows).numpy(), expected, atol=1e-6)


def test_the_residual_projection_is_that_of_the_dual_encoder():
    paddle.seed(0)
    layer = FeatureRepExtractor(6, 4, normalize=False, projection="residual")
    layer.eval()
    rows = features(3, 6)

    projected = linear(layer.fc.first, rows.numpy())
    gelu = nn.functional.gelu(paddle.to_tensor(projected)).numpy()
    summed = projected + linear(layer.fc.second, gelu)
    centred = summed - summed.mean(1, keepdims=True)
    expected = centred / np.sqrt((centred**2).mean(1, keepdims=True) + 1e-3)  # as Keras has it

    np.testing.assert_allclose(layer(rows).numpy(), expected, atol=1e-5)
    layer.train()
    paddle.seed(1)
    assert not np.allclose(layer(rows).numpy(), expected, atol=1e-3)  # its dropout
    assert isinstance(layer.fc, ResidualProjection)


def test_numbers_are_left_out_in_training_alone_and_the_same_again():
    paddle.seed(0)
    layer = FeatureRepExtractor(400, 400, normalize=False, feature_dropout=0.25)
    layer.fc.weight.set_value(paddle.eye(400))
    rows = paddle.ones([8, 400])
    draws = []
    for _ in range(2):
        paddle.seed(5)
        draws.append(layer(rows).numpy())
    paddle.seed(6)

    np.testing.assert_array_equal(*draws)
    assert set(draws[0].round(4).ravel()) == {0, np.float32(1.3333)}
    assert abs((draws[0] == 0).mean() - 0.25) < 0.05
    assert not np.array_equal(layer(rows).numpy(), draws[0])
    layer.eval()
    np.testing.assert_array_equal(layer(rows).numpy(), rows.numpy())


def test_whole_cells_are_left_out_and_one_stays_at_least():
    paddle.seed(0)
    kept = kept_cells(500, 9, 0.9).numpy()

    assert kept.any(axis=1).all() and (kept.sum(1) == 1).any()
    assert abs(kept_cells(500, 49, 0.2).numpy().mean() - 0.8) < 0.02
    layer = FeatureRepExtractor(9, 9, normalize=False, pooling="mean", cell_dropout=0.5)
    layer.fc.weight.set_value(paddle.eye(9))
    codes = layer(paddle.eye(9).unsqueeze(0).expand([64, 9, 9])).numpy()  # cell k is unit vector k
    counts = (codes > 0).sum(1)
    np.testing.assert_allclose(codes.max(1), 1 / counts, rtol=1e-6)
    assert counts.min() < 5 < counts.max()


def test_the_cells_that_stay_come_first():
    kept = np.array([[False, True, False, True], [True, False, False, False]])

    rows, lengths = kept_first(paddle.to_tensor(kept))

    assert lengths.numpy().tolist() == [2, 1]
    assert rows.shape == [2, 2] and sorted(rows.numpy()[0].tolist()) == [1, 3]
    assert rows.numpy()[1, 0] == 4


def test_photographs_and_stored_cells_go_through_one_head():
    paddle.seed(0)
    images = CNNEncoder(Config(**GRID, image_pooling="gpo", image_mlp=True)).build_for_training()
    cells = CNNEncoder(Config(**GRID, image_pooling="gpo", image_mlp=True), 512).build()
    assert isinstance(images, ImageRepExtractor)
    state = get_state(images)
    set_state(
        cells, {name: value for name, value in state.items() if "backbone." not in name}, "other"
    )
    pixels = paddle.to_tensor(
        np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3)).astype(np.uint8)
    )
    images.eval()
    cells.eval()

    with paddle.no_grad():
        stored = images.backbone(images.normalized(pixels))
        codes = images(pixels).numpy()

    assert stored.shape == [3, 4, 512]
    np.testing.assert_allclose(codes, cells(stored).numpy(), atol=1e-5)
    np.testing.assert_allclose(images.forward(pixels).numpy(), codes, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(codes, axis=1), 1, atol=1e-5)


def test_a_backbone_that_is_trained_learns_through_the_cells():
    paddle.seed(0)
    network = CNNEncoder(Config(**GRID, image_pooling="gpo")).build_for_training()
    network.train()
    network(features(2, 3, 64, 64))[:, 0].sum().backward()

    first = next(iter(network.backbone.parameters()))
    assert np.abs(first.grad.numpy()).max() > 0


def test_a_grid_can_be_exported(tmp_path):
    paddle.seed(0)
    network = CNNEncoder(Config(**GRID, image_pooling="gpo", image_mlp=True)).build()
    network.eval()
    pixels = paddle.to_tensor(
        np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3)).astype(np.uint8)
    )
    spec = [paddle.static.InputSpec([None, 64, 64, 3], "uint8")]
    paddle.jit.save(network, str(tmp_path / "images"), input_spec=spec)
    exported = paddle.jit.load(str(tmp_path / "images"))

    with paddle.no_grad():
        expected = network(pixels).numpy()
        np.testing.assert_allclose(exported(pixels).numpy(), expected, atol=1e-5)
        np.testing.assert_allclose(exported(pixels[:1]).numpy(), expected[:1], atol=1e-5)


def test_features_of_the_other_kind_are_refused():
    with pytest.raises(InputError, match=r"shape \[n, cells, size\], not \[2, 6\]"):
        FeatureRepExtractor(6, 4, pooling="mean")(features(2, 6))
    with pytest.raises(InputError, match=r"shape \[n, size\], not \[2, 3, 6\]"):
        FeatureRepExtractor(6, 4).encode_features(features(2, 3, 6))


@pytest.mark.parametrize(
    "keys, said",
    [
        (dict(image_pooling="gpo"), "image_pooling: gpo is of the cells.*image_features=grid, or "
         "image_pooling=mean"),
        (dict(image_grid=3), "image_grid: 3 is of the cells.*image_grid=0"),
        (dict(cell_dropout=0.1), "cell_dropout: 0.1 .*cell_dropout=0.0"),
        (dict(image_features="grid", image_model="alexnet"), "image_features: alexnet gives"),
        (dict(image_mlp=True, projection="residual"), "image_mlp=false, or projection=linear"),
        (dict(GRID, image_grid=3), "image_grid: the map has 2 cells a side.*image_grid=2 or less"),
    ],
)  # fmt: skip
def test_keys_that_contradict_each_other_are_refused(keys, said):
    with pytest.raises(InputError, match=said):
        CNNEncoder(Config(**{**dict(pretrained=False), **keys})).build_for_training()


def test_a_checkpoint_of_another_projection_is_refused():
    state = get_state(FeatureRepExtractor(6, 8, projection="residual"))
    config = Config(**{**GRID, "image_features": "global"})

    with pytest.raises(InputError, match="x.ckpt holds no image encoder"):
        CNNEncoder.from_checkpoint(config, {}, state, "x.ckpt")
    encoder = CNNEncoder.from_checkpoint(
        config.replaced(projection="residual"), {}, state, "x.ckpt"
    )
    assert encoder.feature_size == 6
    set_state(encoder.build(), state, "x.ckpt")
