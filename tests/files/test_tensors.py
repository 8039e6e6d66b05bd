"""A safetensors file is written whole, or the system's refusal names it."""

import errno

import numpy as np
import pytest
from safetensors import SafetensorError

from vsepp.files import tensors
from vsepp.files.tensors import write_tensors


def refused(text):
    def save_file(values, path, metadata):
        with open(path, "wb") as file:
            file.write(b"half")
        raise SafetensorError(text)

    return save_file


def test_a_full_disk_is_the_systems_error_and_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "model.ckpt"
    path.write_bytes(b"old")
    text = "Error while serializing: I/O error: No space left on device (os error 28)"
    monkeypatch.setattr(tensors, "save_file", refused(text))

    with pytest.raises(OSError) as failure:
        write_tensors(path, {"a": np.zeros(3)}, {})

    assert (failure.value.errno, failure.value.filename) == (errno.ENOSPC, str(path))
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.ckpt"]


def test_any_other_error_stays_what_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(tensors, "save_file", refused("a bug"))

    with pytest.raises(SafetensorError, match="a bug"):
        write_tensors(tmp_path / "model.ckpt", {"a": np.zeros(3)}, {})


def test_the_file_is_as_readable_as_any_other(tmp_path):
    write_tensors(tmp_path / "a.ckpt", {"a": np.zeros(1, np.float32)}, {})
    (tmp_path / "plain").write_text("")
    assert (tmp_path / "a.ckpt").stat().st_mode == (tmp_path / "plain").stat().st_mode
