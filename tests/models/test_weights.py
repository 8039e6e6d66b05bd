"""Weights enter a backbone whole and right, or not at all."""

import json
import pickle
import re
import socket
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import paddle
import pytest
from safetensors.numpy import save_file

from vsepp.checkpoint import save_checkpoint
from vsepp.config import Config
from vsepp.models import pretrained_weights
from vsepp.models.backbones import build_backbone
from vsepp.models.pretrained_weights import pretrained_weights_path
from vsepp.models.state import get_state
from vsepp.models.weights import initialise_backbone, load_backbone_weights
from vsepp.system.errors import InputError
from vsepp.system.fingerprints import fingerprint

NAME = "vgg11"  # its classifier.6 is cut; small stand-ins are enough for what is tested here
SHAPES = Path(__file__).parents[1] / "golden" / "torchvision_state_dict_shapes.json"


def small(batch_norm=True):
    """A network with everything that weight files differ in; its Linear is square."""
    nn = paddle.nn
    layers = [("conv", nn.Conv2D(3, 4, 3)), ("classifier", nn.Sequential(nn.Linear(4, 4)))]
    if batch_norm:
        layers.insert(1, ("bn", nn.BatchNorm2D(4)))
    return nn.Sequential(*layers)


def as_torch(state, dtype=np.float32):
    """The same weights as torchvision stores them, classifier and counters included."""
    names = {"_mean": "running_mean", "_variance": "running_var"}
    stored = {}
    for key, value in state.items():
        layer, _, last = key.rpartition(".")
        value = np.ascontiguousarray(value.T if value.ndim == 2 else value)
        stored[f"{layer}.{names.get(last, last)}"] = value.astype(dtype)
    stored["classifier.6.weight"] = np.zeros((10, 4), dtype)
    if "bn._mean" in state:
        stored["bn.num_batches_tracked"] = np.array(7)
    return stored


def save_pth(state, path, wrap=lambda state: state):
    """Write what ``torch.save`` would, with NumPy arrays for tensors."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(wrap(OrderedDict(state)), 2))


def same(found, expected):
    return list(found) == list(expected) and all(
        np.array_equal(found[key], expected[key]) for key in expected
    )


def load_into_another(path, batch_norm=True):
    network = small(batch_norm)
    load_backbone_weights(network, NAME, path)
    return get_state(network)


# --- the kinds of files ----------------------------------------------------------


@pytest.mark.parametrize("protocol", [2, 4])
def test_paddles_file_is_taken_as_it_is(tmp_path, protocol):
    network = small()
    paddle.save(network.state_dict(), str(tmp_path / "w.pdparams"), protocol=protocol)

    assert same(load_into_another(tmp_path / "w.pdparams"), get_state(network))


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".tar"])
def test_torchvisions_file_is_renamed_and_turned(tmp_path, suffix):
    state = get_state(small())
    path = tmp_path / f"w{suffix}"
    save_pth(as_torch(state), path)

    assert same(load_into_another(path), state)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: {"module." + key: value for key, value in state.items()},
        lambda state: {"epoch": 3, "state_dict": state},
    ],
    ids=["module.", "state_dict"],
)
def test_the_wrappings_of_training_scripts_are_taken_off(tmp_path, wrap):
    state = get_state(small())
    save_pth(as_torch(state), tmp_path / "w.pth", wrap)

    assert same(load_into_another(tmp_path / "w.pth"), state)


@pytest.mark.parametrize("batch_norm", [True, False])
@pytest.mark.parametrize("metadata", [None, {"format": "pt"}])
def test_safetensors_of_torchvision(tmp_path, batch_norm, metadata):
    state = get_state(small(batch_norm))
    save_file(as_torch(state), tmp_path / "w.safetensors", metadata=metadata)

    assert same(load_into_another(tmp_path / "w.safetensors", batch_norm), state)


@pytest.mark.parametrize("batch_norm, metadata", [(True, None), (False, {"format": "pd"})])
def test_safetensors_in_paddles_layout_are_not_turned(tmp_path, batch_norm, metadata):
    state = get_state(small(batch_norm))
    save_file(state, tmp_path / "w.safetensors", metadata=metadata)

    assert same(load_into_another(tmp_path / "w.safetensors", batch_norm), state)


def test_half_precision_becomes_float32(tmp_path):
    state = get_state(small())
    save_file(as_torch(state, np.float16), tmp_path / "w.safetensors")

    found = load_into_another(tmp_path / "w.safetensors")

    assert {value.dtype for value in found.values()} == {np.dtype(np.float32)}
    assert all(np.allclose(found[key], state[key], atol=1e-3) for key in state)


def test_bfloat16_as_paddle_pickles_it_becomes_float32(tmp_path):
    state = get_state(small())
    halves = {key: (value.view(np.uint32) >> 16).astype(np.uint16) for key, value in state.items()}
    (tmp_path / "w.pdparams").write_bytes(pickle.dumps(halves, 4))

    found = load_into_another(tmp_path / "w.pdparams")

    assert all(np.allclose(found[key], state[key], rtol=0.01) for key in state)


def test_bfloat16_in_safetensors_becomes_float32(tmp_path):
    state = get_state(small())
    header, data = (
        {"bn.num_batches_tracked": dict(dtype="I64", shape=[], data_offsets=[0, 8])},
        bytes(8),
    )
    for key, value in as_torch(state).items():
        if key not in header:
            bits = (value.view(np.uint32) >> 16).astype("<u2").tobytes()
            place = [len(data), len(data) + len(bits)]
            header[key] = dict(dtype="BF16", shape=value.shape, data_offsets=place)
            data += bits
    text = json.dumps(header).encode()
    size = len(text).to_bytes(8, "little")
    (tmp_path / "w.safetensors").write_bytes(size + text + data)

    found = load_into_another(tmp_path / "w.safetensors")

    for key, value in state.items():
        kept = (value.view(np.uint32) >> 16 << 16).view(np.float32)
        np.testing.assert_array_equal(found[key], kept)


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2"])
def test_every_name_of_torchvision_finds_its_place(name, tmp_path):
    shapes = json.loads(SHAPES.read_text())[name]
    state = {key: np.full(shape, 0.5, np.float32) for key, shape in shapes.items()}
    save_file(state, tmp_path / "w.safetensors")
    backbone = build_backbone(name)

    load_backbone_weights(backbone, name, tmp_path / "w.safetensors")

    assert all((value == 0.5).all() for value in get_state(backbone).values())


def test_what_a_grid_goes_without_is_passed_over(tmp_path):
    """A file of VGG has the linear layers, which a network that is read cell by cell has not."""
    network = paddle.nn.Sequential(("conv", paddle.nn.Conv2D(3, 4, 3)))
    state = {f"conv.{key}": value for key, value in get_state(network.conv).items()}
    heads = {f"classifier.{n}.weight": np.zeros((2, 3), np.float32) for n in (0, 3, 6)}
    save_file({**state, **heads}, tmp_path / "w.safetensors")

    load_backbone_weights(network, NAME, tmp_path / "w.safetensors")

    assert same(get_state(network), state)
    save_file({**state, "classifier.7.weight": heads["classifier.6.weight"]}, tmp_path / "w.pt")
    (tmp_path / "w.pt").rename(tmp_path / "w.safetensors")
    with pytest.raises(InputError, match="'classifier.7.weight' does not belong to vgg11"):
        load_backbone_weights(network, NAME, tmp_path / "w.safetensors")


# --- what is wrong with a file ---------------------------------------------------


def refusal(tmp_path, change, name=NAME):
    """The message for a file that ``change`` has spoilt; the network must be untouched."""
    network = small()
    before = fingerprint(get_state(network))
    state = get_state(small())
    change(state)
    path = tmp_path / "w.pdparams"
    path.write_bytes(pickle.dumps(state, 4))
    with pytest.raises(InputError) as error:
        load_backbone_weights(network, name, path)
    assert str(path) in str(error.value)
    assert fingerprint(get_state(network)) == before
    return str(error.value)


def checkpoint_with(backbone, path, **config):
    state = {f"image_extractor.backbone.{key}": value for key, value in get_state(backbone).items()}
    config = {**Config(image_model=NAME).to_dict(), **config}
    save_checkpoint(path, {**state, "image_extractor.fc.bias": np.ones(3)}, config, None, 1, 1)
    return path


def test_the_network_of_a_model_that_was_trained_here_is_taken(tmp_path):
    source, target = small(), small()
    path = checkpoint_with(source, tmp_path / "best.ckpt", caption_model=None)

    load_backbone_weights(target, NAME, path)

    assert same(get_state(target), get_state(source))


@pytest.mark.parametrize(
    "config, said",
    [
        ({"image_model": "resnet50"}, f"looks with resnet50: give .* that looks with {NAME}"),
        ({"image_model": "inception_v3"}, "looks with inception_v3"),
    ],
)
def test_the_network_of_another_model_is_not(tmp_path, config, said):
    path = checkpoint_with(small(), tmp_path / "best.ckpt", **config)
    with pytest.raises(InputError, match=said):
        load_backbone_weights(small(), NAME, path)


def test_checkpoints_without_a_network_or_that_are_not_there_are_refused(tmp_path):
    path = tmp_path / "best.ckpt"
    with pytest.raises(InputError, match="does not exist: train the model"):
        load_backbone_weights(small(), NAME, path)
    save_checkpoint(path, {"fc": np.ones(3)}, Config(image_model=NAME).to_dict(), None, 1, 1)
    with pytest.raises(InputError, match="with no network"):
        load_backbone_weights(small(), NAME, path)
    checkpoint_with(small(), path, image_model="inception_v3")
    with pytest.raises(InputError, match="as a run trained it"):
        load_backbone_weights(small(), "inception_v3", path)


def test_a_missing_parameter_is_named(tmp_path):
    message = refusal(tmp_path, lambda state: state.pop("bn._mean"))

    assert "'bn._mean' of vgg11 is missing" in message


def test_a_wrong_shape_is_named(tmp_path):
    message = refusal(tmp_path, lambda state: state.update({"conv.bias": np.zeros(5, "f4")}))

    assert "'conv.bias' has shape [5] where [4] is needed" in message


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_what_is_not_finite_is_named(tmp_path, value):
    message = refusal(tmp_path, lambda state: state.update({"conv.bias": np.full(4, value)}))

    assert "'conv.bias' holds NaN or infinity" in message


def test_whole_numbers_are_not_weights(tmp_path):
    message = refusal(tmp_path, lambda state: state.update({"conv.bias": np.zeros(4, int)}))

    assert "'conv.bias' holds int64 values" in message


def test_a_deeper_network_of_the_same_family_is_not_taken(tmp_path):
    message = refusal(tmp_path, lambda state: state.update({"conv.23.bias": np.zeros(4, "f4")}))

    assert "'conv.23.bias' does not belong to vgg11" in message


def test_what_is_no_state_dict_is_refused(tmp_path):
    assert "not a state_dict" in refusal(tmp_path, lambda state: state.update(epoch=3))
    assert "not a state_dict" in refusal(tmp_path, lambda state: state.clear())


def test_code_in_a_weight_file_is_refused(tmp_path):
    path = tmp_path / "w.pdparams"
    path.write_bytes(b"cos\nsystem\n(S'true'\ntR.")

    with pytest.raises(InputError, match=r"w.pdparams: asks for os.system"):
        load_backbone_weights(small(), NAME, path)


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth", "w.pdparams"])
def test_absent_and_damaged_files_are_refused(tmp_path, name):
    path = tmp_path / name
    with pytest.raises(InputError, match=re.escape(name)):
        load_backbone_weights(small(), NAME, path)
    path.write_bytes(b"\x10\x00\x00\x00 no weights")
    with pytest.raises(InputError, match=re.escape(name)):
        load_backbone_weights(small(), NAME, path)


def test_an_unknown_kind_of_file_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"w.h5: weights are read from files that end in"):
        load_backbone_weights(small(), NAME, tmp_path / "w.h5")


# --- Paddle's download -----------------------------------------------------------


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home folder without weights; connecting and downloading would fail the test."""
    folder = tmp_path / ".cache" / "paddle" / "hapi" / "weights"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(paddle.utils.download, "WEIGHTS_HOME", str(folder))
    for variable in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.upper(), raising=False)
    monkeypatch.setattr(socket, "create_connection", None)
    monkeypatch.setattr(paddle.utils.download, "get_weights_path_from_url", None)
    return folder


def test_weights_in_paddles_cache_are_used(home):
    home.mkdir(parents=True)
    expected = build_backbone("squeezenet1_1")
    path = home / "SqueezeNet1_1_pretrained.pdparams"
    paddle.save(paddle.vision.models.squeezenet1_1().state_dict(), str(path))
    load_backbone_weights(expected, "squeezenet1_1", path)

    found = build_backbone("squeezenet1_1")
    initialise_backbone(found, "squeezenet1_1", pretrained=True)

    assert pretrained_weights_path("squeezenet1_1") == str(path)
    assert same(get_state(found), get_state(expected))


@pytest.mark.parametrize(
    "name, file",
    [
        ("resnet152", "resnet152.pdparams"),
        ("mobilenet_v1", "mobilenetv1_1.0.pdparams"),
        ("mobilenet_v2", "mobilenet_v2_x1.0.pdparams"),
        ("mobilenet_v3_small", "mobilenet_v3_small_x1.0.pdparams"),
        ("googlenet", "GoogLeNet_pretrained.pdparams"),
    ],
)
def test_absent_weights_are_fetched_by_paddle_and_checked(home, monkeypatch, name, file):
    asked = []
    monkeypatch.setattr(pretrained_weights, "_check_reachable", lambda url: None)
    monkeypatch.setattr(
        paddle.utils.download,
        "get_weights_path_from_url",
        lambda url, md5: asked.append((url, md5)) or "there",
    )

    assert pretrained_weights_path(name) == "there"
    ((url, md5),) = asked
    assert url.endswith(f"/{file}")
    assert re.fullmatch("[0-9a-f]{32}", md5)


def test_offline_one_sentence_says_what_to_put_where(home, monkeypatch):
    def offline(address, timeout):
        raise OSError(-2, "Name or service not known")

    monkeypatch.setattr(socket, "create_connection", offline)

    with pytest.raises(InputError) as error:
        pretrained_weights_path("resnet50")

    message = str(error.value)
    assert "https://paddle-hapi.bj.bcebos.com/models/resnet50.pdparams" in message
    assert str(home / "resnet50.pdparams") in message
    assert "weights: FILE or pretrained: false" in message
    assert "\n" not in message


def test_a_network_without_weights_of_paddles_says_so(home):
    with pytest.raises(InputError, match="vgg13: Paddle offers no ImageNet weights"):
        pretrained_weights_path("vgg13")


def test_a_file_wins_over_pretrained_and_neither_changes_nothing(home, tmp_path):
    network, other = small(), small()
    paddle.save(other.state_dict(), str(tmp_path / "w.pdparams"))
    before = get_state(network)

    initialise_backbone(network, NAME, pretrained=False, weights=None)
    assert same(get_state(network), before)

    initialise_backbone(network, NAME, pretrained=True, weights=tmp_path / "w.pdparams")
    assert same(get_state(network), get_state(other))


# --- fingerprints ----------------------------------------------------------------


def test_a_fingerprint_is_of_the_content_alone():
    state = {"b": np.arange(6, dtype=np.float32).reshape(2, 3), "a": np.zeros(2, np.float32)}
    shuffled = {"a": state["a"], "b": np.asfortranarray(state["b"].astype(">f4"))}

    assert fingerprint(state) == fingerprint(shuffled)
    assert re.fullmatch("[0-9a-f]{64}", fingerprint(state))


@pytest.mark.parametrize(
    "other",
    [
        {"x": np.zeros((2, 3), np.float32)},
        {"a": np.zeros((3, 2), np.float32)},
        {"a": np.zeros((2, 3), np.float64)},
        {"a": np.full((2, 3), -0.0, np.float32)},
        {"a": np.zeros((2, 3), np.float32), "b": np.zeros(0, np.float32)},
        {},
    ],
)
def test_any_difference_changes_the_fingerprint(other):
    assert fingerprint(other) != fingerprint({"a": np.zeros((2, 3), np.float32)})


def test_the_file_format_does_not_change_the_fingerprint(tmp_path):
    state = get_state(small())
    save_pth(as_torch(state), tmp_path / "w.pth")
    save_file(state, tmp_path / "w.safetensors")

    files = [tmp_path / "w.pth", tmp_path / "w.safetensors"]
    assert {fingerprint(load_into_another(path)) for path in files} == {fingerprint(state)}
