"""The image encoders: how they begin, what a frozen backbone does, unit length."""

import numpy as np
import paddle
import pytest
from paddle import nn

from vsepp import FeatureRepExtractor, ImageRepExtractor
from vsepp.config import Config
from vsepp.models.image_encoders.cnn import CNNEncoder
from vsepp.models.state import get_state, set_state
from vsepp.models.twins import small_maps

TINY = "shufflenet_v2_x0_25"


def make(finetuned=False, embed_size=8, **options):
    paddle.seed(0)
    return ImageRepExtractor(embed_size, TINY, finetuned, pretrained=False, **options)


def images(batch, size=64, seed=0):
    rows = np.random.default_rng(seed).standard_normal((batch, 3, size, size))
    return paddle.to_tensor(rows.astype(np.float32))


def features(batch, size, seed=0):
    rows = np.random.default_rng(seed).standard_normal((batch, size))
    return paddle.to_tensor(rows.astype(np.float32))


def step(model, batch):
    """One step of Adam in training mode, over whatever can be trained."""
    optimizer = paddle.optimizer.Adam(0.01, parameters=model.parameters())
    model.train()
    model(batch)[:, 0].sum().backward()
    optimizer.step()


def moved(before, after):
    return {name for name in before if not np.array_equal(before[name], after[name])}


def test_a_frozen_backbone_does_not_move():
    model = make(finetuned=False)
    before = get_state(model)

    step(model, images(4))

    assert moved(before, get_state(model)) == {"fc.weight", "fc.bias"}
    assert not any(layer.training for layer in model.backbone.sublayers(include_self=True))
    assert model.training and model.fc.training


def test_a_frozen_backbone_does_not_move_inside_another_layer():
    model = make(finetuned=False)
    before = get_state(model)

    step(nn.Sequential(model), images(4))  # its train() reaches layers, not their methods

    assert moved(before, get_state(model)) == {"fc.weight", "fc.bias"}


def test_a_finetuned_backbone_moves_with_its_statistics():
    model = make(finetuned=True)
    before = get_state(model)

    step(model, images(4))

    changed = moved(before, get_state(model))
    assert {name for name in before if name.endswith("._mean")} <= changed
    weights = [name for name in before if before[name].ndim == 4]
    assert weights and set(weights) <= changed


def test_a_frozen_backbone_leaves_only_the_linear_layer_to_train():
    trainable = {
        name for name, parameter in make().named_parameters() if not parameter.stop_gradient
    }
    everything = make(finetuned=True).named_parameters()

    assert trainable == {"fc.weight", "fc.bias"}
    assert len([name for name, parameter in everything if not parameter.stop_gradient]) > 50


@pytest.mark.parametrize("finetuned", [False, True])
def test_a_batch_of_one(finetuned):
    model = make(finetuned)
    model.eval()

    codes = model(images(1))

    assert codes.shape == [1, 8]
    both = model(paddle.concat([images(1), images(1, seed=1)])).numpy()
    np.testing.assert_allclose(codes.numpy(), both[:1], atol=1e-5)


def test_pixels_are_normalised_by_the_extractor():
    from vsepp.data.transforms import MEAN, STD, normalize

    pixels = np.random.default_rng(0).integers(256, size=(3, 64, 72, 3), dtype=np.uint8)
    by_hand = ((pixels.astype(np.float32) / 255 - MEAN) / STD).transpose(0, 3, 1, 2)
    assert np.array_equal(normalize(pixels), by_hand)
    model = make()
    model.eval()

    with paddle.no_grad():
        expected = model(paddle.to_tensor(np.ascontiguousarray(by_hand))).numpy()
        assert np.array_equal(model(paddle.to_tensor(pixels)).numpy(), expected)
        plain = model.forward(paddle.to_tensor(pixels)).numpy()
    assert np.array_equal(plain, expected)
    assert np.array_equal(model.normalized(paddle.to_tensor(pixels)).numpy(), by_hand)


def test_codes_are_of_unit_length_whatever_the_size_of_the_image():
    model = make()

    for size in (64, 96):
        codes = model(images(3, size)).numpy()
        assert codes.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(codes, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("feature_size, embed_size", [(512, 128), (64, 2000)])
def test_the_linear_layer_begins_xavier_normal_with_no_bias(feature_size, embed_size):
    paddle.seed(0)
    linear = FeatureRepExtractor(feature_size, embed_size).fc

    weights = linear.weight.numpy()
    expected = np.sqrt(2 / (feature_size + embed_size))
    assert weights.shape == (feature_size, embed_size)
    assert abs(weights.std() / expected - 1) < 0.02
    assert abs(weights.mean()) < 0.02 * expected
    # normal, not uniform: a uniform distribution of this spread ends at 1.73 of it
    assert np.abs(weights).max() > 3.5 * expected
    assert not linear.bias.numpy().any()


def test_image_and_feature_encoder_share_one_head():
    model = make()
    assert model.fc.weight.shape == [512, 8]
    head = FeatureRepExtractor(512, 8)
    head.set_state_dict({"fc.weight": model.fc.weight, "fc.bias": model.fc.bias})
    batch = images(2)
    model.eval()

    with paddle.no_grad():
        np.testing.assert_array_equal(model(batch).numpy(), head(model.backbone(batch)).numpy())


def test_features_without_normalisation_are_the_linear_layer_alone():
    paddle.seed(0)
    model = FeatureRepExtractor(6, 4, normalize=False)
    rows = features(3, 6)

    expected = rows.numpy() @ model.fc.weight.numpy() + model.fc.bias.numpy()

    np.testing.assert_allclose(model(rows).numpy(), expected, atol=1e-6)
    assert not np.allclose(np.linalg.norm(expected, axis=1), 1, atol=0.01)


def test_normalize_features_takes_out_their_length():
    paddle.seed(0)
    model = FeatureRepExtractor(6, 4, normalize=False, normalize_features=True)
    rows = features(3, 6)

    found = model(rows).numpy()

    np.testing.assert_allclose(model(rows * 7).numpy(), found, rtol=1e-4, atol=1e-6)
    unit = rows.numpy() / np.linalg.norm(rows.numpy(), axis=1, keepdims=True)
    np.testing.assert_allclose(found, unit @ model.fc.weight.numpy(), atol=1e-6)


def test_use_abs_leaves_no_sign():
    paddle.seed(0)
    signed = FeatureRepExtractor(6, 4)
    paddle.seed(0)
    unsigned = FeatureRepExtractor(6, 4, use_abs=True)
    rows = features(5, 6)

    assert (signed(rows).numpy() < 0).any()
    np.testing.assert_array_equal(unsigned(rows).numpy(), np.abs(signed(rows).numpy()))


def test_training_computes_small_maps_in_numpy_and_use_does_not(monkeypatch):
    encoder = CNNEncoder(Config(image_model=TINY, embed_size=8, pretrained=False))
    training, use = encoder.build_for_training(), encoder.build()
    set_state(use, get_state(training), "the other")
    calls = []
    apply = small_maps._Depthwise.apply
    monkeypatch.setattr(
        small_maps._Depthwise, "apply", lambda *inputs: calls.append(inputs) or apply(*inputs)
    )
    training.eval()
    use.eval()
    expected = use(images(2)).numpy()
    assert not calls
    np.testing.assert_allclose(training(images(2)).numpy(), expected, atol=1e-5)
    assert calls
