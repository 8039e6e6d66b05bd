"""JSON is read, or one sentence says why not."""

import os

import pytest

from vsepp.system.errors import InputError
from vsepp.system.json_files import read_json


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_utf8_is_read_with_and_without_a_byte_order_mark(tmp_path, mark):
    path = tmp_path / "words.json"
    path.write_bytes(mark + '{"小狗": 1}'.encode())

    assert read_json(path, "mend it") == {"小狗": 1}


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"{'a': 1}", b"\xff\xfe{\x00}\x00", b"[" * 100_000, b"\x89PNG\r\n", b"9" * 5_000],
)
def test_what_is_not_json_is_refused_with_the_way_out(tmp_path, content):
    path = tmp_path / "words.json"
    path.write_bytes(content)

    with pytest.raises(InputError, match=r"words\.json is not JSON.*: mend it\.$"):
        read_json(path, "mend it")


def test_missing_files_and_folders_are_told_apart(tmp_path):
    (tmp_path / "file").write_text("1")

    with pytest.raises(InputError, match="none.json does not exist: mend it"):
        read_json(tmp_path / "none.json", "mend it")
    with pytest.raises(InputError, match="is not a file: mend it"):
        read_json(tmp_path, "mend it")
    with pytest.raises(InputError, match="is not a file: mend it"):
        read_json(tmp_path / "file" / "below.json", "mend it")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_refused_rather_than_waited_for(tmp_path):
    os.mkfifo(tmp_path / "words.json")

    with pytest.raises(InputError, match=r"words\.json is not a file: mend it\.$"):
        read_json(tmp_path / "words.json", "mend it")
