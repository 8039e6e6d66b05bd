"""A write leaves the old file or the new one, whole, and nothing beside it."""

import errno
import io
import os

import numpy as np
import pytest

from vsepp.system.atomic import atomic_path, check_writable, write_all, write_bytes, write_json

either_way = pytest.mark.parametrize("sync", [True, False])


@either_way
def test_the_new_file_appears_when_the_block_is_through(tmp_path, sync):
    path = tmp_path / "new" / "folder" / "file.txt"

    with atomic_path(path, sync=sync) as temporary:
        temporary.write_text("new")
        assert not path.exists() and temporary.parent == path.parent

    assert path.read_text() == "new"
    assert os.listdir(path.parent) == ["file.txt"]


@either_way
@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt])
def test_a_failed_write_keeps_the_old_file_and_cleans_up(tmp_path, sync, failure):
    path = tmp_path / "file.txt"
    path.write_text("old")

    with pytest.raises(failure):
        with atomic_path(path, sync=sync) as temporary:
            temporary.write_text("half")
            raise failure

    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file.txt"]


def test_what_a_killed_process_left_is_replaced_and_never_written_through(tmp_path):
    photograph, path = tmp_path / "photograph", tmp_path / "file"
    photograph.write_text("precious")
    with atomic_path(path) as temporary:
        temporary.touch()
    os.link(photograph, temporary)  # left by a process killed between link and rename

    write_bytes(path, b"new")

    assert photograph.read_text() == "precious"
    assert path.read_bytes() == b"new"
    assert sorted(os.listdir(tmp_path)) == ["file", "photograph"]


def test_only_a_synced_write_waits_for_the_disk(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", synced.append)

    with atomic_path(tmp_path / "a", sync=False) as temporary:
        temporary.touch()
    assert not synced
    write_bytes(tmp_path / "b", b"")
    assert len(synced) == (1 if os.name == "nt" else 2)


def test_errors_name_the_file_and_not_the_temporary_one(tmp_path):
    path = tmp_path / "file"

    with pytest.raises(OSError) as caught:
        with atomic_path(path) as temporary:
            raise OSError(errno.ENOSPC, "No space left on device", str(temporary))
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(path))

    with pytest.raises(OSError) as caught:
        with atomic_path(path):
            raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.filename == str(path)


def test_errors_about_other_files_keep_their_name(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        with atomic_path(tmp_path / "file"):
            open(tmp_path / "other")
    assert caught.value.filename == str(tmp_path / "other")


def test_a_value_json_cannot_hold_leaves_the_old_file(tmp_path):
    path = tmp_path / "file.json"
    write_json(path, {"käfer": 1})

    with pytest.raises(TypeError):
        write_json(path, object())

    assert path.read_text(encoding="utf-8") == '{"käfer": 1}\n'


def test_whether_a_file_can_be_written_is_found_out_without_touching_it(tmp_path):
    there = tmp_path / "there"
    there.write_text("old")
    check_writable(there)
    check_writable(tmp_path / "new" / "file")
    assert there.read_text() == "old"
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["there"]

    with pytest.raises(OSError) as caught:
        check_writable(there / "below")
    assert str(there) in str(caught.value.filename)


class TakesParts(io.RawIOBase):
    """An unbuffered file on a nearly full disk: it takes at most five bytes at a time."""

    def __init__(self):
        self.taken = b""

    def write(self, data):
        self.taken += bytes(data[:5])
        return min(5, len(data))


@pytest.mark.parametrize("data", [b"", b"abcd", b"0123456789abc", np.arange(7, dtype="<i4")])
def test_everything_is_written_where_a_file_takes_a_part(data):
    file = TakesParts()

    write_all(file, data)

    assert file.taken == (data if isinstance(data, bytes) else data.tobytes())
