"""A safetensors file is written whole, and the library reads it."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file

from vsepp.system.tensor_files import write_tensors

KINDS = (
    "bool",
    "uint8",
    "int8",
    "int16",
    "uint16",
    "float16",
    "int32",
    "uint32",
    "float32",
    "float64",
    "int64",
    "uint64",
)
METADATA = {"vsepp": '{"words": "naïve 狗 \\\\ \\u0007 /"}'}


def arrays_of_every_kind():
    generator = np.random.default_rng(0)
    arrays = {
        f"model/{kind}.{size}": generator.integers(0, 2, (size, 3)).astype(kind)
        for kind in KINDS
        for size in (2, 1, 0)
    }
    arrays.update(
        {
            "scalar": np.array(3.5, np.float32),
            'é "quoted"\t': np.ones(1, np.int8),
            "not contiguous": np.arange(12, dtype=np.float32).reshape(3, 4).T,
        }
    )
    return arrays


def test_the_library_reads_the_file(tmp_path):
    path = tmp_path / "a.ckpt"
    arrays = {**arrays_of_every_kind(), "big-endian": np.arange(3, dtype=">i4")}
    write_tensors(path, arrays, METADATA)
    with safe_open(str(path), "np") as file:
        assert file.metadata() == METADATA
    found = load_file(str(path))
    assert found.keys() == arrays.keys()
    for name, value in arrays.items():
        assert found[name].shape == value.shape, name
        np.testing.assert_array_equal(found[name], value)


def test_a_full_disk_is_the_systems_error_and_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "model.ckpt"
    path.write_bytes(b"old")

    def full(place, data):
        with open(place, "wb") as file:
            file.write(data[:10])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError) as failure:
        write_tensors(path, {"a": np.zeros(3)}, {})

    assert (failure.value.errno, failure.value.filename) == (errno.ENOSPC, str(path))
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.ckpt"]


_KILLED = """
import os, signal, sys
import numpy as np
from vsepp.system import atomic
from vsepp.system.tensor_files import write_tensors
if {kill}:
    atomic._sync_file = lambda path: os.kill(os.getpid(), signal.SIGKILL)
write_tensors("model.ckpt", {{"a": np.zeros(3)}}, {{}})
"""


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL there")
def test_what_a_killed_process_leaves_is_gone_after_the_next_write(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    for kill, left in (True, [".model.ckpt.writing"]), (False, ["model.ckpt"]):
        subprocess.run(
            [sys.executable, "-c", _KILLED.format(kill=kill)], cwd=tmp_path, env=environment
        )
        assert [entry.name for entry in tmp_path.iterdir()] == left


def test_the_file_is_as_readable_as_any_other(tmp_path):
    write_tensors(tmp_path / "a.ckpt", {"a": np.zeros(1, np.float32)}, {})
    (tmp_path / "plain").write_text("")
    assert (tmp_path / "a.ckpt").stat().st_mode == (tmp_path / "plain").stat().st_mode
