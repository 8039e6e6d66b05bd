"""Every backbone gives the promised features, under the names that weight files use."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import paddle
import pytest
from fixed_weights import fixed_weights
from safetensors.numpy import save_file

from vsepp.models.backbones import (
    BACKBONES,
    build_backbone,
    check_image_size,
    feature_size,
    is_classifier,
)
from vsepp.models.state import get_state
from vsepp.models.weights import load_backbone_weights
from vsepp.system.errors import InputError

GOLDEN = Path(__file__).parents[1] / "golden"

SMALL = ("resnet18", "mobilenet_v3_small", "squeezenet1_1", "shufflenet_v2_x0_25")
#: one of each family, with its own way of ending
FAMILIES = (*SMALL, "mobilenet_v1", "mobilenet_v2", "densenet121", "googlenet", "vgg11")


def torchvision_weights(name):
    """The fixed weights that ``torchvision_backbones.npz`` was made with."""
    shapes = json.loads((GOLDEN / "torchvision_state_dict_shapes.json").read_text())[name]
    return fixed_weights(shapes)


def images(*shape):
    return paddle.to_tensor(np.random.default_rng(0).standard_normal(shape).astype(np.float32))


def features(backbone, batch):
    backbone.eval()
    with paddle.no_grad():
        return backbone(batch)


LARGE = ("resnet101", "resnet152", "vgg16", "vgg19")


@pytest.mark.parametrize(
    "name",
    ["resnet18", "resnet50", "mobilenet_v2"]
    + [pytest.param(name, marks=pytest.mark.slow) for name in LARGE],
)
def test_features_equal_torchvisions(name, tmp_path):
    path = tmp_path / "torchvision.safetensors"
    save_file(torchvision_weights(name), path, metadata={"format": "pt"})
    backbone = build_backbone(name)
    load_backbone_weights(backbone, name, path)
    batch = np.random.default_rng(2018).standard_normal((2, 3, 224, 224)).astype(np.float32)

    found = features(backbone, paddle.to_tensor(batch)).numpy()

    expected = np.load(GOLDEN / "torchvision_backbones.npz")[name]
    difference = np.abs(found - expected).max() / np.abs(expected).max()
    print(f"{name}: largest relative difference {difference:.1e}")
    assert difference <= 1e-4


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("batch", [1, 2])
def test_features_are_a_row_per_image(name, batch):
    found = features(build_backbone(name), images(batch, 3, 64, 64))

    assert found.shape == [batch, feature_size(name)]
    assert found.dtype == paddle.float32
    assert np.isfinite(found.numpy()).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", BACKBONES)
def test_every_backbone_has_the_features_that_the_registry_says(name):
    found = features(build_backbone(name), images(1, 3, 224, 224))

    assert found.shape == [1, feature_size(name)]
    assert np.isfinite(found.numpy()).all()


@pytest.mark.parametrize("name", [*SMALL, "googlenet"])
def test_parameters_keep_paddles_names_without_the_classifiers(name):
    whole = getattr(paddle.vision.models, name)().state_dict()

    kept = build_backbone(name).state_dict()

    cut = {key for key in whole if is_classifier(name, key)}
    assert cut
    assert list(kept) == [key for key in whole if key not in cut]


def test_vgg_ends_after_the_dropout_behind_its_second_linear_layer():
    backbone = build_backbone("vgg11")

    layers = [type(layer).__name__ for layer in backbone.classifier]

    assert layers == ["Linear", "ReLU", "Dropout", "Linear", "ReLU", "Dropout", "Identity"]


@pytest.mark.parametrize("name", ["resnet18", "googlenet", "squeezenet1_1", "mobilenet_v3_small"])
def test_a_backbone_can_be_exported(name, tmp_path):
    backbone = build_backbone(name)
    backbone.eval()
    batch = images(3, 3, 64, 64)
    spec = paddle.static.InputSpec([None, 3, 64, 64], "float32")
    paddle.jit.save(
        paddle.jit.to_static(backbone, input_spec=[spec], full_graph=True), str(tmp_path / name)
    )

    exported = paddle.jit.load(str(tmp_path / name))

    expected = features(backbone, batch).numpy()
    assert np.allclose(features(exported, batch).numpy(), expected, rtol=1e-4, atol=1e-5)


def test_gradients_reach_the_first_layer():
    backbone = build_backbone("googlenet")

    backbone(images(2, 3, 64, 64)).sum().backward()

    assert all(parameter.grad is not None for parameter in backbone.parameters())


def test_the_state_is_a_copy():
    backbone = build_backbone("squeezenet1_1")
    state = get_state(backbone)
    key = next(iter(state))

    before = state[key].copy()
    backbone.state_dict()[key].set_value(np.zeros_like(before))

    assert np.array_equal(state[key], before)


def test_the_registry_covers_what_paddle_ships_and_nothing_else():
    shipped = {name for name in paddle.vision.models.__all__ if name.islower()}

    assert set(BACKBONES) == shipped


def test_the_registry_needs_no_paddle():
    code = (
        "import sys; from vsepp.models.backbones import feature_size; "
        "assert feature_size('vgg19') == 4096; assert 'paddle' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


@pytest.mark.parametrize("use", [feature_size, build_backbone])
def test_an_unknown_name_is_answered_with_the_nearest(use):
    with pytest.raises(InputError, match="'resnet51'; did you mean resnet50") as refusal:
        use("resnet51")

    assert "mobilenet_v2" in str(refusal.value)


@pytest.mark.parametrize("name", [None, 50, ["resnet50"], "ResNet", "lenet"])
def test_what_is_no_backbone_is_refused(name):
    with pytest.raises(InputError, match="image_model"):
        feature_size(name)


@pytest.mark.parametrize(
    "name, size, wanted", [("alexnet", 256, "exactly 224"), ("inception_v3", 64, "75 or more")]
)
def test_image_sizes_that_a_network_cannot_take_are_refused(name, size, wanted):
    check_image_size(name, 224)
    with pytest.raises(InputError, match=f"{name} takes images of {wanted} pixels, not {size}"):
        check_image_size(name, size)


def test_a_crop_larger_than_the_image_is_refused():
    check_image_size("resnet18", 224, 224)
    with pytest.raises(InputError, match="resize 200 is less than image_size 224: set resize=224"):
        check_image_size("resnet18", 224, 200)
