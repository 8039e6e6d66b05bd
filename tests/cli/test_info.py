"""``vsepp info``: what a file or folder is and was made with."""

import json
import os
import pickle

import numpy as np
import pytest
from conftest import draw_picture
from tiny import make_config, make_data

from vsepp import train
from vsepp.checkpoint import load_checkpoint, save_checkpoint
from vsepp.cli.command import run
from vsepp.cli.info import main as info
from vsepp.cli.search import main as search
from vsepp.system.tensor_files import write_tensors


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(folder, checkpoint) of a short training over stored features, and an index made with it."""
    folder = tmp_path_factory.mktemp("info")
    data_dir = make_data(folder / "data")
    config = make_config(data_dir, folder, num_epochs=1)
    train(config)
    checkpoint = config.path("best_checkpoint")
    draw_picture(folder / "photos" / "a.png", "red", "square")
    place = ["index", str(folder / "photos"), "--out", str(folder / "index")]
    assert run(search, [*place, "--checkpoint", str(checkpoint), "-o", "device=cpu"]) == 0
    return folder, checkpoint


@pytest.fixture
def told(capsys):
    """(content as JSON, lines as printed) of a file."""

    def ask(path):
        assert run(info, [str(path), "--json", "-"]) == 0
        content = json.loads(capsys.readouterr().out)
        assert run(info, [str(path)]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].split(maxsplit=1) == ["kind", content["kind"]] and len(lines) <= 24
        return content, lines

    return ask


def test_a_checkpoint(made, told):
    content, lines = told(made[1])

    saved = load_checkpoint(made[1])
    assert content["kind"] == "checkpoint" and content["task"] == "retrieval"
    assert content["image_encoder"].startswith("shufflenet_v2_x0_25, frozen, of fingerprint ")
    assert (content["text_encoder"], content["dataset"]) == ("gru", "tiny")
    for key in ("epoch", "step", "metrics", "fingerprint"):
        assert content[key] == saved[key]
    assert content["words"] == len(saved["vocab"]) and content["resumable"] is False
    assert content["parameters"] == sum(array.size for array in saved["model"].values())
    assert content["configuration"]["embed_size"] == 16
    assert "max_len" not in content["configuration"]  # the default
    assert any(line.startswith("metrics ") and "rsum" in line for line in lines)


def test_the_last_checkpoint_can_be_resumed_from(made, told):
    assert told(made[0] / "last_tiny.ckpt")[0]["resumable"] is True


def test_an_index(made, told):
    content, _ = told(made[0] / "index")

    assert (content["kind"], content["photographs"]) == ("index of photographs", 1)
    assert content["folder"] == str(made[0] / "photos")
    assert content["checkpoint"] == str(made[1]) and content["checkpoint_there"] is True
    assert (content["dtype"], content["embed_size"], content["approximate"]) == (
        "float32",
        16,
        None,
    )
    assert content["precision"] == "float32"  # what the absence in the file stands for
    assert told(made[0] / "index/manifest.json")[0] == content


def test_stored_features(made, told):
    (folder,) = (made[0] / "data/tiny/features").iterdir()
    content, lines = told(folder)

    assert content["kind"] == "stored features of a frozen backbone"
    assert content["precision"] == "float32" and lines[-1].endswith(" kB")
    assert (content["backbone"], content["resize"]) == ("shufflenet_v2_x0_25", 36)
    assert content["images"] == {"test": 4, "train": 12, "val": 4}
    assert told(folder / "val.npy")[0]["images"] == {"val": 4}


def test_a_prepared_data_set(made, told):
    content, _ = told(made[0] / "data/tiny")

    assert (content["kind"], content["prepared_by"]) == ("prepared data set", "vsepp")
    assert content["options"]["captions_per_image"] == 5
    assert content["splits"]["train"]["images"] == 12
    assert len(content["stored_features"]) == 1 and content["given_features"] is None
    assert told(made[0] / "data/tiny/prepared.json")[0] == content


def test_a_converted_backbone(told, tmp_path):
    path = tmp_path / "net.safetensors"
    weights = {"conv.weight": np.ones((2, 3), np.float32)}
    write_tensors(path, weights, {"format": "pd", "backbone": "resnet18"})

    content, _ = told(path)

    assert (content["kind"], content["backbone"]) == ("weights of a backbone", "resnet18")
    assert content["parameters"] == 6 and len(content["fingerprint"]) == 64


def pickled(path):
    path.write_bytes(pickle.dumps({"a": 1}))


def unfinished(folder):
    folder.mkdir()
    np.save(folder / "train.partial.npy", np.ones((2, 3), np.float32))


def features(path, **changes):
    """Stored features with other words in their description."""
    about = {"backbone": "resnet18", "fingerprint": "0" * 64, "feature_size": 3}
    path.write_text(json.dumps({**about, "resize": 256, "image_size": 224, **changes}))
    np.save(path.with_suffix(".npy"), np.ones((2, 3), np.float32))


@pytest.mark.parametrize(
    "name, write, words",
    [
        ("none.ckpt", None, "does not exist"),
        ("a.pdparams", pickled, "is a pickle or a PyTorch archive, .*`python tools/convert.py`"),
        ("a.zip", lambda path: path.write_bytes(b"PK\3\4 and so on"), "tools/convert.py"),
        ("a.txt", lambda path: path.write_text("words"), "is none of our files: give a checkpoint"),
        ("a.json", lambda path: path.write_text("[]"), "is none of our files"),
        ("empty", lambda path: path.mkdir(), "is none of our files"),
        ("cut.ckpt", lambda path: path.write_bytes(b"\x09" * 30), "truncated or not a checkpoint"),
        ("cut", lambda path: path.write_bytes(bytes([80, *[0] * 7]) + b"{}"), "cut short"),
        ("a.npy", lambda path: np.save(path, np.ones(3)), "is none of our files"),
        ("pipe.ckpt", os.mkfifo, "is a pipe or a device"),
        ("half", lambda path: unfinished(path), "not finished: run `python tools/features.py`"),
        ("half/train.partial.npy", lambda path: unfinished(path.parent), "not finished"),
        ("other.json", lambda path: features(path, precision="float8"), "precision 'float8'"),
        ("up.json", lambda path: features(path, backbone="../../up"), "'backbone' is malformed"),
        ("a\nb.txt", lambda path: path.write_text("words"), r"a\\nb.txt is none of our files"),
        (
            "none.codes",
            lambda path: write_tensors(path, {"images": np.ones(2)}, {"vsepp_codes": "{"}),
            "does not say what its codes were made with",
        ),
        (
            "theirs.safetensors",
            lambda path: write_tensors(path, {"x": np.ones(2)}, {"format": "pt"}),
            "is none of our files",
        ),
    ],
)
def test_anything_else_is_one_sentence(tmp_path, capsys, name, write, words):
    import re

    if write:
        write(tmp_path / name)

    assert run(info, [str(tmp_path / name)]) == 2

    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1
    assert re.search(words, captured.err)


def test_json_may_go_into_a_file(made, tmp_path, capsys):
    assert run(info, [str(made[1]), "--json", str(tmp_path / "about.json")]) == 0

    assert json.loads((tmp_path / "about.json").read_text())["kind"] == "checkpoint"
    assert "kind" in capsys.readouterr().out


@pytest.mark.parametrize("target", ["", "/index/manifest.json", "/index/new.json"])
def test_json_never_goes_over_what_is_described(made, tmp_path, capsys, target):
    described = made[0] / "index" if target else made[1]
    target = made[0] / target[1:] if target else made[1]
    before = target.read_bytes() if target.exists() else None

    assert run(info, [str(described), "--json", str(target)]) == 2

    assert "give another name" in capsys.readouterr().err
    assert (target.read_bytes() if target.exists() else None) == before


def test_what_a_stranger_wrote_steers_no_terminal_and_is_json(tmp_path, capsys):
    path = tmp_path / "theirs.ckpt"
    metrics = {"rsum": float("nan"), "note": "a\x1b[2J\nkind  an index"}
    save_checkpoint(path, {"a": np.ones(2)}, {"text_model": ["x"]}, None, 1, 2, metrics)

    assert run(info, [str(path)]) == 0
    printed = capsys.readouterr().out
    assert all(line.isprintable() for line in printed.splitlines())
    assert sum(line.startswith("kind") for line in printed.splitlines()) == 1
    assert run(info, [str(path), "--json", "-"]) == 0
    content = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert content["metrics"] == {**metrics, "rsum": None}


def test_a_checkpoint_without_a_word_list(told, tmp_path):
    path = tmp_path / "letters.ckpt"
    save_checkpoint(path, {"x": np.ones(1)}, {"text_model": "letters"}, None, 1, 1, letters=26)

    content, _ = told(path)

    assert content["text_encoder"] == "letters"
    assert "words" not in content and "tokenizer" not in content
