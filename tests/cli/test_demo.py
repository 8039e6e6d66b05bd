"""``tools/demo.py`` with a model trained on twenty pictures."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import pytest
from tiny import make_config, make_data

from vsepp import train
from vsepp.cli.command import run
from vsepp.cli.demo import main as demo

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(data_dir, checkpoint)."""
    place = tmp_path_factory.mktemp("demo")
    data_dir = make_data(place / "data")
    config = make_config(data_dir, place, num_epochs=1)
    train(config)
    return data_dir, str(config.path("best_checkpoint"))


def refused(capsys, *arguments):
    assert run(demo, list(arguments)) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1
    return error


def test_without_a_model_it_says_how_to_get_one(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    error = refused(capsys)
    assert "tools/prepare.py --dataset sample" in error
    assert "tools/train.py --dataset sample" in error
    assert "tools/prepare.py --dataset flickr8k" in refused(capsys, "--dataset", "flickr8k")


def test_mistakes_are_one_sentence(prepared, tmp_path, capsys):
    given = ["--dataset", "tiny", "--data-dir", str(prepared.data_dir), "--checkpoint"]
    (tmp_path / "some.ckpt").touch()
    checkpoint = str(tmp_path / "some.ckpt")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"port {port} is in use" in refused(capsys, *given, checkpoint, "--port", str(port))
    assert "from 0 to 65535" in refused(capsys, *given, checkpoint, "--port", "70000")
    assert "no address of this machine" in refused(
        capsys, *given, checkpoint, "--host", "192.0.2.1", "--port", "0"
    )
    assert "none.ckpt does not exist" in refused(capsys, *given, "none.ckpt", "--port", "0")
    assert str(tmp_path) in refused(capsys, "--index", str(tmp_path))


def test_without_gradio_it_says_what_to_install(prepared, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "gradio", None)
    (tmp_path / "some.ckpt").touch()
    error = refused(
        capsys,
        "--dataset",
        "tiny",
        "--data-dir",
        str(prepared.data_dir),
        "--checkpoint",
        str(tmp_path / "some.ckpt"),
        "--port",
        "0",
    )
    assert "pip install gradio" in error


def test_programs_are_answered_when_asked_for_alone(prepared, tmp_path, monkeypatch, capsys):
    from vsepp.demo import server

    given, printed = [], []

    def make_server(answers, folder, ready, api, captions):
        given.append(api)
        ready()
        printed.append(capsys.readouterr().out)
        return SimpleNamespace(run=lambda sockets: None)

    answers = SimpleNamespace(
        photographs=SimpleNamespace(described="20 photographs"),
        model=SimpleNamespace(checkpoint="some.ckpt"),
    )
    monkeypatch.setattr(server, "make_server", make_server)
    monkeypatch.setattr(server, "import_gradio", lambda: None)
    monkeypatch.setattr("vsepp.cli.demo._open_answers", lambda *_: answers)
    (tmp_path / "some.ckpt").touch()
    known = ["--dataset", "tiny", "--data-dir", str(prepared.data_dir), "--port", "0"]
    known += ["--checkpoint", str(tmp_path / "some.ckpt")]
    assert run(demo, known) == run(demo, [*known, "--api"]) == 0
    assert given == [False, True]
    assert "/api" not in printed[0]
    assert re.search(r"programs ask http://127\.0\.0\.1:\d+/api", printed[1])


@pytest.fixture
def start(made, tmp_path):
    """Start the command in a process of its own; returns (process, address)."""
    pytest.importorskip("gradio")
    processes = []

    def start(*more):
        (tmp_path / "tmp").mkdir()
        environment = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
        process = subprocess.Popen(
            [
                sys.executable,
                str(ROOT / "tools" / "demo.py"),
                "--port",
                "0",
                *more,
                "-o",
                "device=cpu",
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        processes.append(process)
        for line in process.stdout:
            if found := re.search(r"open (http://127\.0\.0\.1:\d+)", line):
                return process, found.group(1)
        raise AssertionError(process.stderr.read())

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def open_tab(address):
    """The connection that a browser holds for as long as it shows the page."""
    try:
        return urllib.request.urlopen(address + "/gradio_api/heartbeat/tab", timeout=20)
    except urllib.error.HTTPError:  # Gradio 4
        return urllib.request.urlopen(address + "/heartbeat/tab", timeout=20)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize(
    "number, status, word",
    [(signal.SIGINT, 130, "Interrupted."), (signal.SIGTERM, 143, "Terminated.")],
)
def test_it_answers_until_it_is_interrupted(made, start, tmp_path, number, status, word):
    process, address = start("--dataset", "tiny", "--data-dir", made[0], "--checkpoint", made[1])
    with urllib.request.urlopen(address, timeout=20) as page:
        assert page.status == 200
    tab = open_tab(address)
    assert list((tmp_path / "tmp").glob("vsepp_demo_*"))
    process.send_signal(number)
    began = time.monotonic()
    output, error = process.communicate(timeout=60)
    assert process.returncode == status and word in error
    assert "Traceback" not in error and "ERROR" not in error
    tab.close()
    assert time.monotonic() - began < 30
    assert not list((tmp_path / "tmp").glob("vsepp_demo_*"))


@pytest.mark.slow
def test_an_index_of_photographs_and_a_data_sets_sentences(made, start, tmp_path):
    from gradio_client import Client

    from vsepp.cli.search import main as search

    shutil.copytree(Path(made[0]) / "tiny" / "images", tmp_path / "photos")
    assert (
        run(
            search,
            [
                "index",
                str(tmp_path / "photos"),
                "--out",
                str(tmp_path / "index"),
                "--checkpoint",
                made[1],
                "-o",
                "device=cpu",
            ],
        )
        == 0
    )
    address = start("--index", str(tmp_path / "index"), "--dataset", "tiny", "--data-dir", made[0])[
        1
    ]
    client = Client(address, verbose=False, download_files=False)
    photographs, _ = client.predict("a green stripe", 20, api_name="/search_by_sentence")
    assert len(photographs) == 20 and photographs[0]["caption"].endswith(".png")
    assert "/sentences_for_picture" in client.view_api(return_format="dict")["named_endpoints"]
