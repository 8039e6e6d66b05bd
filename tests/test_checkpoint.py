"""A checkpoint comes back whole, or is refused with a sentence that says what it is."""

import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from vsepp import InputError, checkpoint, load_checkpoint
from vsepp.checkpoint import (
    CAPTIONER,
    RETRIEVAL,
    check_kind,
    kind_of,
    move_aside,
    read_header,
    save_checkpoint,
)

MODEL = {
    "image_extractor.fc.weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "text_extractor.gru.bias_ih_l0": np.array([0.1, -np.inf, 1e-45], np.float32),
    "image_extractor.steps": np.array(7, np.int64),
}
OPTIMIZER = {
    "moment1_0": {"image_extractor.fc.weight": np.full((2, 3), 0.3, np.float32)},
    "beta1_pow_acc_0": {"image_extractor.fc.weight": np.array([0.9], np.float32)},
}
CONFIG = {"margin": 0.1 + 0.2, "learning_rate": 2e-5, "weights": None, "workers": "auto"}
VOCAB = {"<pad>": 0, "žlutý": 1, "狗": 2}


def save(path, **more):
    save_checkpoint(path, MODEL, CONFIG, VOCAB, epoch=2, step=34, **more)
    return path


def test_what_is_saved_comes_back_to_the_bit(tmp_path):
    path = save(
        tmp_path / "new" / "folder" / "last.ckpt",
        optimizer=OPTIMIZER,
        metrics={"rsum": 1 / 3},
        position={"epoch": 1, "history": [{"loss": 0.1}]},
    )

    found = load_checkpoint(path)

    assert (found["epoch"], found["step"]) == (2, 34)
    assert found["config"] == CONFIG and found["vocab"] == VOCAB
    assert list(found["vocab"]) == list(VOCAB)
    assert found["metrics"] == {"rsum": 1 / 3}
    assert found["position"] == {"epoch": 1, "history": [{"loss": 0.1}]}
    assert found["model"].keys() == MODEL.keys()
    for name, value in MODEL.items():
        assert found["model"][name].dtype == value.dtype
        np.testing.assert_array_equal(found["model"][name], value)
    for slot, values in OPTIMIZER.items():
        for name, value in values.items():
            np.testing.assert_array_equal(found["optimizer"][slot][name], value)


def test_without_an_optimizer_there_is_none(tmp_path):
    found = load_checkpoint(save(tmp_path / "best.ckpt"))

    assert "optimizer" not in found
    assert found["metrics"] is None


def test_parts_are_read_alone(tmp_path):
    path = save(tmp_path / "last.ckpt", optimizer=OPTIMIZER)

    found = load_checkpoint(path, parts=("model/image_extractor.",))

    assert set(found["model"]) == {"image_extractor.fc.weight", "image_extractor.steps"}
    assert "optimizer" not in found


def test_the_header_says_everything_but_the_tensors(tmp_path):
    path = save(tmp_path / "last.ckpt", optimizer=OPTIMIZER)

    header = read_header(path)

    whole = load_checkpoint(path)
    assert header == {
        key: value for key, value in whole.items() if key not in ("model", "optimizer")
    }


def test_the_fingerprint_is_of_the_weights_alone(tmp_path):
    first = read_header(save(tmp_path / "a.ckpt"))["fingerprint"]
    again = read_header(save(tmp_path / "b.ckpt", optimizer=OPTIMIZER))["fingerprint"]
    changed = {**MODEL, "image_extractor.steps": np.array(8, np.int64)}
    save_checkpoint(tmp_path / "c.ckpt", changed, CONFIG, VOCAB, 2, 34)

    assert first == again != read_header(tmp_path / "c.ckpt")["fingerprint"]


@pytest.mark.parametrize("low_bytes", [b"\x80\x02", b"PK"])
def test_a_header_whose_length_looks_like_a_pickle_is_read_all_the_same(tmp_path, low_bytes):
    """The file begins with the header's length: one in 32 begins with a pickle's first byte."""
    path, padding = tmp_path / "last.ckpt", 0
    wanted = int.from_bytes(low_bytes, "little")
    for _ in range(3):
        save(path, padding="x" * padding)
        length = int.from_bytes(path.read_bytes()[:8], "little")
        padding += (wanted - length) % 65536
        if length == wanted:
            break

    assert path.read_bytes()[:2] == low_bytes
    assert load_checkpoint(path)["step"] == 34
    if low_bytes != b"PK":  # a truncated one of these is still told from a pickle
        path.write_bytes(path.read_bytes()[:-1])
        refused(path, "truncated or not a checkpoint")


# ---- what is refused --------------------------------------------------------------------------


def refused(path, message):
    for read in (load_checkpoint, read_header):
        with pytest.raises(InputError, match=message) as refusal:
            read(path)
        assert str(path) in str(refusal.value)
        assert "\n" not in str(refusal.value)


def test_a_missing_file(tmp_path):
    refused(tmp_path / "last.ckpt", "does not exist.*tools/train.py")


def test_a_folder(tmp_path):
    refused(tmp_path, "is a folder")


def test_a_truncated_file(tmp_path):
    data = save(tmp_path / "whole.ckpt", optimizer=OPTIMIZER).read_bytes()
    header = 8 + int.from_bytes(data[:8], "little")
    path = tmp_path / "last.ckpt"
    for length in (0, 1, 2, 7, 8, 9, header // 2, header - 1, header, header + 1, len(data) - 1):
        path.write_bytes(data[:length])
        refused(path, "truncated or not a checkpoint")


def test_noise_of_another_kind(tmp_path):
    path = tmp_path / "last.ckpt"
    for data in (b"\xff" * 100, b"not a checkpoint at all", b"\0" * 5000):
        path.write_bytes(data)
        refused(path, "truncated or not a checkpoint")


class Hostile:
    def __reduce__(self):
        return pytest.fail, ("the pickle was run",)


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_pickle_is_refused_and_not_run(tmp_path, protocol):
    path = tmp_path / "last.ckpt"
    path.write_bytes(pickle.dumps({"model": Hostile()}, protocol))

    refused(path, "is a pickle or a PyTorch archive.*tools/convert.py")


def test_a_torch_archive(tmp_path):
    path = tmp_path / "model.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/data.pkl", pickle.dumps(Hostile()))

    refused(path, "is a pickle or a PyTorch archive.*tools/convert.py")


def test_tensors_of_another_program(tmp_path):
    path = tmp_path / "weights.safetensors"
    for metadata in (None, {"format": "pt"}, {"vsepp": "no JSON"}, {"vsepp": "[1]"}):
        save_file({"weight": np.zeros(2, np.float32)}, str(path), metadata)
        refused(path, "written by another program.*tools/convert.py")


def test_a_newer_format(tmp_path, monkeypatch):
    path = tmp_path / "last.ckpt"
    with monkeypatch.context() as context:
        context.setattr(checkpoint, "FORMAT", "vsepp-2")
        save(path)

    refused(path, "has the format 'vsepp-2', this version reads 'vsepp-1': update")


@pytest.mark.parametrize(
    "key, value",
    [("config", None), ("vocab", []), ("epoch", "2"), ("step", None), ("fingerprint", 3)],
)
def test_a_header_that_lacks_something(tmp_path, key, value):
    path = tmp_path / "last.ckpt"
    header = {**read_header(save(path)), key: value}
    save_file({}, str(path), {"vsepp": json.dumps(header)})

    refused(path, f"lacks '{key}'")


# ---- writing ----------------------------------------------------------------------------------


def test_a_save_that_fails_leaves_the_old_one(tmp_path, monkeypatch):
    path = save(tmp_path / "last.ckpt")
    before = path.read_bytes()

    def half_written(place, data):
        with open(place, "wb") as file:
            file.write(data[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", half_written)
    with pytest.raises(OSError, match="No space left") as failure:
        save(path, padding="other")

    assert failure.value.filename == str(path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["last.ckpt"]


def test_what_json_cannot_hold_leaves_the_old_one(tmp_path):
    path = save(tmp_path / "last.ckpt")
    before = path.read_bytes()

    with pytest.raises(TypeError):
        save(path, more=object())

    assert path.read_bytes() == before


def test_old_checkpoints_move_aside_numbered(tmp_path):
    path = tmp_path / "last.ckpt"
    assert move_aside(path) is None

    for number in (1, 2, 3):
        path.write_text(f"run {number}")
        assert move_aside(path) == tmp_path / f"last.ckpt.{number}"

    assert not path.exists()
    assert [(tmp_path / f"last.ckpt.{number}").read_text() for number in (1, 2, 3)] == [
        "run 1",
        "run 2",
        "run 3",
    ]


def test_moving_aside_takes_the_first_free_number(tmp_path):
    for name in ("last.ckpt", "last.ckpt.1", "last.ckpt.3"):
        (tmp_path / name).write_text(name)

    assert move_aside(tmp_path / "last.ckpt") == tmp_path / "last.ckpt.2"
    assert (tmp_path / "last.ckpt.3").read_text() == "last.ckpt.3"


@pytest.mark.parametrize("backbone", ["resnet18", {"backbone": "resnet18"}, [1], 5])
def test_a_malformed_backbone_is_refused(tmp_path, backbone):
    path = save(tmp_path / "last.ckpt", backbone=backbone)

    with pytest.raises(InputError, match="last.ckpt has a malformed 'backbone'"):
        read_header(path)


def header(**config):
    return {"config": config}


def test_the_kind_of_a_checkpoint_is_told_by_its_configuration():
    assert kind_of(header()) == kind_of(header(caption_model=None)) == RETRIEVAL
    assert kind_of(header(caption_model="addnorm")) == CAPTIONER
    assert kind_of({"config": {}, "task": "retrieval"}) == RETRIEVAL
    check_kind(header(), "a.ckpt", RETRIEVAL)
    check_kind(header(caption_model="attention"), "a.ckpt", CAPTIONER)


@pytest.mark.parametrize(
    "found, wanted, said",
    [
        (header(caption_model="attention"), RETRIEVAL, "a captioner, .* `.*caption.* 'a b.ckpt' "),
        (header(), CAPTIONER, "a retrieval model, .* `.*infer.* 'a b.ckpt' .*_caption`"),
        (
            {"config": {}, "task": "riddles"},
            RETRIEVAL,
            "a model for the task 'riddles', .* does not know",
        ),
    ],
)
def test_another_kind_is_refused_in_one_sentence(found, wanted, said):
    with pytest.raises(InputError, match=f"^a b.ckpt is {said}"):
        check_kind(found, "a b.ckpt", wanted)


def test_what_compares_takes_no_captioner(tmp_path):
    from vsepp import RetrievalModel

    path = tmp_path / "captioner.ckpt"
    words = {"<pad>": 0, "<unk>": 1, "<start>": 2, "<end>": 3}
    save_checkpoint(path, {"x": np.ones(1)}, {"caption_model": "attention"}, words, 1, 1)
    with pytest.raises(InputError, match="is a captioner"):
        RetrievalModel(path)
