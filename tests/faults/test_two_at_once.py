"""Of two processes writing the same files the second is refused; a crash locks nothing."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from faults.cases import write_config
from faults.tools_killed import strays

ROOT = Path(__file__).parents[2]

_HELD = """
import sys
from vsepp.system.locks import only_one
with only_one(sys.argv[1], "taken"):
    print("held", flush=True)
    input()
"""


@pytest.fixture
def holder():
    """Let another process hold the lock of a file; returns the process."""
    started = []

    def hold(path):
        process = subprocess.Popen(
            [sys.executable, "-c", _HELD, str(path)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        started.append(process)
        assert process.stdout.readline() == b"held\n"
        return process

    yield hold
    for process in started:
        process.communicate(b"\n")


def refused(ended, *words):
    assert ended.status == 2 and ended.output.splitlines()[-1].startswith("error: another ")
    assert "Traceback" not in ended.output
    for word in words:
        assert word in ended.output


def test_a_second_training_into_the_same_checkpoints_is_refused(places, tools, tmp_path, holder):
    shutil.copytree(places.train(), tmp_path / "run")
    before = {path: path.read_bytes() for path in (tmp_path / "run" / "out").iterdir()}
    (tmp_path / "run" / "runs").rename(tmp_path / "runs")
    for name, words in (("last", "set last_checkpoint"), ("best", "set best_checkpoint")):
        other = holder(tmp_path / "run" / "out" / f"{name}_tiny.ckpt.lock")
        for more in ([], ["-o", "checkpoint=last"]):
            ended = tools.run(tmp_path / "run", "train", "-c", "config.yml", *more)
            refused(ended, f"another training is writing out/{name}_tiny.ckpt", words)
        other.kill()
        other.wait()
    assert not (tmp_path / "run" / "runs").exists()
    ended = tools.run(tmp_path / "run", "train", "-c", "config.yml", "-o", "checkpoint=last")
    assert ended.status == 0, ended.output
    assert {path: path.read_bytes() for path in before} == before
    assert strays(tmp_path / "run") == []


@pytest.mark.parametrize(
    "lock, tool", [("data/.tiny.lock", "prepare"), ("data/downloads/tiny.zip.lock", "download")]
)
def test_a_second_preparation_is_refused(places, tools, tmp_path, holder, lock, tool):
    case = places.case(tool)
    case.begin(tmp_path / "run")
    (tmp_path / "run" / lock).parent.mkdir(parents=True)
    other = holder(tmp_path / "run" / lock)
    refused(tools.run(tmp_path / "run", case.tool, *case.arguments(tmp_path)), "wait for its end")
    assert not (tmp_path / "run" / "data" / "tiny").exists()
    other.kill()
    other.wait()
    ended = tools.run(tmp_path / "run", case.tool, *case.arguments(tmp_path))
    assert ended.status == 0, ended.output
    assert strays(tmp_path / "run") == []


def test_a_second_computation_of_the_same_features_is_refused(places, tools, tmp_path, holder):
    case, folder = places.case("features"), tmp_path / "run"
    case.begin(folder)
    assert tools.run(folder, "features", "-c", "config.yml").status == 0
    (features,) = (folder / "data" / "tiny" / "features").iterdir()
    (features / "val.npy").unlink()
    holder(features / "val.lock")
    refused(tools.run(folder, "features", "-c", "config.yml"), "features of", "val.npy")
    assert not (features / "val.npy").exists() and (features / "train.npy").exists()


@pytest.mark.slow
def test_the_workers_of_a_killed_training_do_not_hold_its_lock(places, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(places.case("train").template, folder)
    write_config(folder, finetuned=True, workers=2)

    def start(*more):
        return subprocess.Popen(
            [sys.executable, "-u", str(ROOT / "tools" / "train.py"), "-c", "config.yml", *more],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    with start() as first:
        for line in first.stdout:
            if line.startswith("epoch 1/"):
                break
        first.send_signal(signal.SIGKILL)
    with start() as again:
        _, errors = again.communicate()
    assert again.returncode == 0, errors
