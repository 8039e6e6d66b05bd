"""Inception v3: torchvision's weights give torchvision's features, and Paddle's their own."""

import json
from pathlib import Path

import numpy as np
import paddle
import pytest
from fixed_weights import fixed_weights
from safetensors.numpy import load_file, save_file

from vsepp.cli.command import run
from vsepp.cli.convert import main as convert
from vsepp.data.preprocessing import PIXELS
from vsepp.data.transforms import normalize
from vsepp.models.backbones import build_backbone
from vsepp.models.state import get_state
from vsepp.models.weights import initialise_backbone, load_backbone_weights
from vsepp.system.errors import InputError

NAME = "inception_v3"
SYMMETRIC = PIXELS["symmetric"]


@pytest.fixture(scope="module")
def golden():
    return np.load(Path(__file__).parents[1] / "golden" / "torchvision_inception_v3.npz")


@pytest.fixture(scope="module")
def torchvisions(golden):
    """``{torchvision's name: array}``, its two heads included."""
    return fixed_weights(json.loads(golden["shapes"].tobytes()))


@pytest.fixture(scope="module")
def backbone():
    network = build_backbone(NAME)
    network.eval()
    return network


@pytest.fixture(scope="module")
def file(torchvisions, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "torchvision.safetensors"
    save_file(torchvisions, path, metadata={"format": "pt"})
    return path


def batch(size):
    """The upper left corner of what the golden figures were computed from."""
    whole = np.random.default_rng(2018).standard_normal((2, 3, 299, 299)).astype(np.float32)
    return paddle.to_tensor(np.ascontiguousarray(whole[:1, :, :size, :size]))


@paddle.no_grad()
def features(network, images):
    return network(images).numpy()


def difference(found, expected):
    return np.abs(found - expected).max() / np.abs(expected).max()


def test_the_grid_equals_torchvisions(golden, file):
    network = build_backbone(NAME, 0)
    network.eval()
    load_backbone_weights(network, NAME, file, True, *SYMMETRIC)

    grid = features(network, batch(299)).reshape(8, 8, 2048)

    assert difference(grid[[0, 3, 7], [0, 5, 7]][:, ::8], golden["cells"]) < 1e-5
    assert difference(grid.mean((0, 1))[::4], golden["pooled"]) < 1e-5


def test_features_equal_torchvisions(golden, backbone, file):
    load_backbone_weights(backbone, NAME, file, True, *SYMMETRIC)

    assert difference(features(backbone, batch(75))[0, ::8], golden["pooled_75"]) < 1e-5


def test_a_converted_file_gives_torchvisions_features(golden, backbone, file, tmp_path, capsys):
    converted = tmp_path / "inception_v3.safetensors"

    assert run(convert, ["--backbone", NAME, str(file), str(converted)]) == 0

    assert "passed over, of the classifier: AuxLogits, fc" in capsys.readouterr().out
    assert list(load_file(converted)) and set(load_file(converted)) == set(get_state(backbone))
    initialise_backbone(backbone, NAME, True, converted, *SYMMETRIC)
    assert difference(features(backbone, batch(75))[0, ::8], golden["pooled_75"]) < 1e-5


def test_weights_give_the_same_whatever_pixels_the_network_is_fed(backbone, torchvisions, file):
    """Also of Paddle's own, which are for ImageNet's mean and deviation."""
    pixels = np.random.default_rng(0).integers(0, 256, (1, 80, 80, 3)).astype(np.uint8)
    paddles = file.with_suffix(".pdparams")
    paddle.save(paddle.vision.models.inception_v3().state_dict(), str(paddles))
    for path in (file, paddles):
        found = {}
        for name, (mean, std) in PIXELS.items():
            load_backbone_weights(backbone, NAME, path, True, mean, std)
            found[name] = features(backbone, paddle.to_tensor(normalize(pixels, mean, std)))

        assert np.ptp(found["imagenet"]) > 0
        assert difference(found["symmetric"], found["imagenet"]) < 1e-5, path


def test_paddles_own_weights_are_taken_as_they_are(backbone, tmp_path):
    whole = paddle.vision.models.inception_v3()
    paddle.save(whole.state_dict(), str(tmp_path / "w.pdparams"))

    load_backbone_weights(backbone, NAME, tmp_path / "w.pdparams")

    for key, value in get_state(backbone).items():
        np.testing.assert_array_equal(value, whole.state_dict()[key].numpy())


@pytest.mark.parametrize(
    "spoil, said",
    [
        (lambda state: state.pop("Mixed_7c.branch_pool.bn.bias"),
         "'inception_block_list.10.branch_pool_conv.1.bias' of inception_v3 is missing"),
        (lambda state: state.update({"Mixed_9x.branch_pool.bn.bias": np.zeros(3, np.float32)}),
         "'Mixed_9x.branch_pool.bn.bias' does not belong to inception_v3"),
        (lambda state: state.update({"Conv2d_1a_3x3.bn.bias": np.zeros(3, np.float32)}),
         r"'inception_stem.conv_1a_3x3.1.bias' has shape \[3\] where \[32\] is needed"),
    ],
)  # fmt: skip
def test_a_file_that_does_not_fit_is_refused(backbone, torchvisions, tmp_path, spoil, said):
    state = dict(torchvisions)
    spoil(state)
    save_file(state, tmp_path / "w.safetensors")

    with pytest.raises(InputError, match=said):
        load_backbone_weights(backbone, NAME, tmp_path / "w.safetensors")
