"""``vsepp export``: what it says, and what it refuses in one sentence."""

import sys

import numpy as np
import paddle
import pytest
from captioners import save_captioner
from tiny import make_config, make_data, save_untrained

from vsepp import load, load_checkpoint
from vsepp.checkpoint import save_checkpoint
from vsepp.cli.command import run
from vsepp.cli.export import main
from vsepp.data.dataset import open_dataset
from vsepp.export import exporting, paddle_format
from vsepp.export.parts import parts_of
from vsepp.text.vocabulary import SPECIAL_WORDS


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("export")
    make_data(place)
    known = open_dataset(place / "tiny", "train").vocabulary.words
    words = [word for word in known if word not in SPECIAL_WORDS]
    save_untrained(place / "model.ckpt", words)
    return place


@pytest.fixture
def ask(place, capsys):
    def ask(*words, checkpoint="model.ckpt", data=("--dataset", "tiny")):
        words = ["--checkpoint", str(place / checkpoint), *map(str, words), *data]
        capsys.readouterr()
        status = run(main, [*words, "--data-dir", str(place), "-o", "device=cpu"])
        return (status, *capsys.readouterr())

    return ask


def test_it_is_scored_on_a_split_beside_the_package(ask, place):
    status, said, _ = ask("--out", place / "out", "--split", "val")
    lines = said.splitlines()
    assert status == 0, said
    assert lines[0].startswith("image: at most ") and "on real input" in lines[0]
    assert lines[2].startswith("image to text: R@1") and lines[4].endswith("(+0.00)")
    assert lines[5] == "checked with made input and 4 photographs and 20 sentences of tiny's test"
    assert lines[6] == f"written to {place / 'out'}"

    status, _, error = ask("--out", place / "out")
    assert status == 2 and error.count("\n") == 1 and "--force" in error


def test_mistakes_are_one_sentence(ask, place, monkeypatch):
    def refused(*words, **about):
        status, _, error = ask(*words, "--out", place / "no", **about)
        assert status == 2 and error.count("\n") == 1 and not (place / "no").exists()
        return error

    assert "paddle or onnx" in refused("--format", "tflite")
    assert "float16" in refused("--precision", "int4")
    none = ("--dataset", "none")
    assert "prepare" in refused(data=none) and "not exist" in refused(checkpoint="other.ckpt")
    for name in ("paddle2onnx", "onnx", "onnxruntime"):
        monkeypatch.setitem(sys.modules, name, None)
    said = refused("--format", "onnx")
    three = paddle.__version__.startswith("3")
    assert ("pip install" in said and "paddle2onnx" in said) if three else "PaddlePaddle 3" in said

    contents = load_checkpoint(place / "model.ckpt")
    state = {name: value for name, value in contents["model"].items() if "backbone" not in name}
    config = make_config(place, place).to_dict()
    save_checkpoint(place / "bare.ckpt", state, config, contents["vocab"], 1, 1)
    assert "does not hold it" in refused(checkpoint="bare.ckpt")
    save_captioner(place / "captioner.ckpt", ["red"])
    flip = (*("--dataset", "tiny"), "-o", "test_flip=true")
    assert "no mirror image" in refused(checkpoint="captioner.ckpt", data=flip)


def test_without_its_data_set_a_configuration_exports_with_made_input(ask, place, monkeypatch):
    monkeypatch.setattr(exporting, "parts_of", lambda *_: [])

    status, said, _ = ask("--out", place / "made", data=("-c", "flickr8k_fast"))

    without = f"checked with made input alone, since {place / 'flickr8k'} is not prepared\n"
    assert status == 0 and without in said


def test_a_missing_photograph_says_what_is_not_measured(ask, place, monkeypatch):
    monkeypatch.setattr(exporting, "parts_of", lambda *_: [])
    dataset = open_dataset(place / "tiny", "test")
    missing = dataset.image_path(1)
    missing.rename(missing.with_suffix(".gone"))
    try:
        status, said, _ = ask("--out", place / "int8", "--precision", "int8")
    finally:
        missing.with_suffix(".gone").rename(missing)

    assert status == 0 and "checked with made input and 3 photographs and 20 sentences" in said
    assert "R@K is not measured: " in said and "has 3 of the 4 photographs of its test" in said


def test_a_full_disk_is_one_sentence(ask, place, monkeypatch):
    model = load(place / "model.ckpt")
    parts = [part for part in parts_of(model, None) if part.graph.name == "text"]
    monkeypatch.setattr(exporting, "parts_of", lambda *_: parts)

    def full(path, network):
        raise OSError(28, "No space left on device", path)

    monkeypatch.setattr(paddle_format, "check_room", full)
    status, _, error = ask("--out", place / "full")
    assert status == 2 and error == (
        f"error: {place / 'full'}: no space is left there; free some or choose another folder.\n"
    )
    assert not list(place.glob("*full*"))
    assert np.isfinite(model.encode_text("a red square")).all()
