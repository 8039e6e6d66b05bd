"""A Milvus that is not there: one sentence for each way."""

import socket
import subprocess
import sys

import pytest

from vsepp.system.errors import InputError

pytest.importorskip("pymilvus")

from vsepp.index.milvus_collection import MilvusCollection
from vsepp.index.milvus_connection import connect


def refused(uri, capfd):
    with pytest.raises(InputError) as caught:
        connect(uri)
    printed = capfd.readouterr()
    assert printed.out == printed.err == ""
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("uri", ["ftp://a", "http://", "http://127.0.0.1:port", "foo", "", "a.txt"])
def test_an_address_that_is_none(uri, capfd):
    assert "give a file such as photos.db, or a server's address" in refused(uri, capfd)


def test_a_server_that_is_not_there_or_none(capfd):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert f"127.0.0.1:{port} does not answer as a Milvus" in refused(
        f"http://127.0.0.1:{port}", capfd
    )


def test_a_file_that_is_none(tmp_path, capfd):
    pytest.importorskip("milvus_lite.db")  # earlier ones print lines of their own
    (tmp_path / "text.db").write_text("no Milvus")
    assert "text.db is no file that this Milvus Lite can open" in refused(
        str(tmp_path / "text.db"), capfd
    )
    (tmp_path / "folder.db").mkdir()
    (tmp_path / "folder.db" / "photo.jpg").touch()
    assert "is a folder of other files" in refused(str(tmp_path / "folder.db"), capfd)
    assert [path.name for path in (tmp_path / "folder.db").iterdir()] == ["photo.jpg"]
    assert "does not exist: make it" in refused(str(tmp_path / "gone" / "a.db"), capfd)


def test_a_file_that_another_process_has_open(tmp_path, capfd):
    pytest.importorskip("milvus_lite.db")  # earlier ones print lines of their own
    path = tmp_path / "held.db"
    path.mkdir()
    holding = (
        "import fcntl, sys; file = open(sys.argv[1], 'w'); fcntl.flock(file, fcntl.LOCK_EX); "
        "print('held', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holding, str(path / "LOCK")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        assert "another process has" in refused(str(path), capfd)
        holder.communicate("")


@pytest.mark.parametrize("name", ["", "1st", "two words", "a-b", "ä"])
def test_a_name_that_no_collection_has(name):
    with pytest.raises(InputError, match="no name of a collection"):
        MilvusCollection("a.db", name)


@pytest.mark.parametrize("missing", ["pymilvus", "milvus_lite"])
def test_a_missing_package_is_named(missing, monkeypatch, tmp_path):
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == missing else find(name)
    )
    if missing == "pymilvus":
        monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(InputError, match="pip install (pymilvus )?milvus-lite`"):
        connect(str(tmp_path / "a.db"))
