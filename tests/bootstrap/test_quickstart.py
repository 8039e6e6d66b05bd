"""``python3 tools/quickstart.py``: what it says, what it does ahead, and its last line."""

import ast
import importlib.util
import inspect
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vsepp.bootstrap import ahead, environment, quickstart, trial
from vsepp.bootstrap.ahead import Drawing
from vsepp.bootstrap.pip_progress import InstallError
from vsepp.bootstrap.plan import Plan, Request
from vsepp.data.sample import draw_sample

LEFT = "left on two quiet cores"


def said_by(root, **options):
    said = []
    status = quickstart.run_steps("python", root, say=said.append, **options)
    return status, said


def headings(said):
    return [line.strip().split("]")[0] + "]" for line in said if LEFT in line]


# ---------------------------------------------------------------- what it says


def test_every_step_says_its_number_and_what_is_left(tmp_path):
    _, said = said_by(tmp_path, run=lambda command, cwd: 0)
    assert headings(said) == ["[2/5]", "[3/5]", "[4/5]", "[5/5]"]
    assert "[1/5]" in quickstart.heading("install")
    left = [sum(seconds for _, seconds in list(quickstart.STEPS.values())[k:]) for k in range(5)]
    assert f"{round(left[0] / 60)} minutes" in quickstart.heading("install")
    assert f"{left[4]} seconds" in quickstart.heading("infer")


def test_what_is_skipped_is_not_counted_as_left(tmp_path):
    skipped = {"train"}
    seconds = sum(quickstart.STEPS[name][1] for name in ("prepare", "eval", "infer"))
    assert f"about {seconds} seconds {LEFT}" in quickstart.heading("prepare", skipped)
    best = tmp_path / quickstart.BEST
    best.parent.mkdir(parents=True)
    best.touch()
    _, said = said_by(tmp_path, run=lambda command, cwd: 0)
    assert headings(said) == ["[2/5]", "[4/5]", "[5/5]"]
    assert any(f"about {seconds} seconds" in line for line in said)


def test_seconds_are_stated_by_part(tmp_path):
    waited = []
    _, said = said_by(
        tmp_path,
        run=lambda command, cwd: waited.append(command[1]) or 0,
        drawn=lambda: waited.append("drawn"),
        installing=41.2,
    )
    assert waited[:2] == ["drawn", "tools/prepare.py"] and waited.count("drawn") == 1
    (times,) = [line for line in said if "Times:" in line]
    assert "install 41 s, prepare 0 s, train 0 s, eval 0 s, infer 0 s; 41 s in all" in times


@pytest.mark.parametrize("given, used", [({}, "1"), ({"MKL_NUM_THREADS": "3"}, "3")])
def test_what_it_runs_uses_one_thread_unless_somebody_chose(given, used):
    script = "import os, runpy; runpy.run_path('tools/quickstart.py'); print(dict(os.environ))"
    names = ("MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    outside = {name: value for name, value in os.environ.items() if name not in names}
    answer = subprocess.run(
        [sys.executable, "-c", script],
        env={**outside, **given},
        cwd=environment.ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    found = ast.literal_eval(answer.stdout)
    assert (found[names[0]], found[names[1]]) == (used, "1")


# ---------------------------------------------------------------- the line that opens the page


@pytest.fixture
def gradio(monkeypatch):
    """Whether Gradio is there."""
    answers = {"there": False}
    monkeypatch.setattr(quickstart, "_has_gradio", lambda python: answers["there"])
    return answers


def test_the_last_line_opens_the_page(tmp_path, gradio, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _, said = said_by(tmp_path, run=lambda command, cwd: 0)
    python = tmp_path / ".venv/bin/python"
    assert said[-1].endswith(quickstart.page_command("python", tmp_path))
    assert quickstart.page_command(python, tmp_path) == (
        '.venv/bin/python -m pip install -e ".[demo]" && '
        ".venv/bin/python tools/demo.py --dataset sample"
    )
    gradio["there"] = True
    assert quickstart.page_command(python, tmp_path) == (
        ".venv/bin/python tools/demo.py --dataset sample"
    )


def test_from_another_folder_it_goes_there_first(tmp_path, gradio, monkeypatch):
    root = tmp_path / "a checkout"
    root.mkdir()
    monkeypatch.chdir(tmp_path)
    words = shlex.split(quickstart.page_command("/elsewhere/my env/python", root))
    assert words[:3] == ["cd", str(root), "&&"]
    assert words[3] == words[10] == "/elsewhere/my env/python"
    assert words[4:8] == ["-m", "pip", "install", "-e"]


def test_gradio_is_looked_for_in_the_environment(tmp_path):
    here = importlib.util.find_spec("gradio") is not None
    assert quickstart._has_gradio(sys.executable) is here
    assert not quickstart._has_gradio(tmp_path / "none")


# ---------------------------------------------------------------- drawing ahead


@pytest.fixture
def few_pictures(monkeypatch):
    monkeypatch.setattr(
        ahead,
        "_DRAW",
        f"import sys; sys.path.insert(0, {str(environment.ROOT)!r}); "
        "from vsepp.data.sample import draw_sample; "
        "draw_sample('data/sample', train=3, val=1, test=1)",
    )


def test_the_sample_is_drawn_ahead(tmp_path, few_pictures):
    with Drawing(tmp_path, print) as drawing:
        drawing.begin(sys.executable)
        drawing.wait()
    assert (tmp_path / "data/sample/dataset_sample.json").exists()
    assert len(list((tmp_path / "data/sample/images").iterdir())) == 5


def test_it_draws_where_prepare_looks_and_as_many():
    assert "draw_sample('data/sample')" in ahead._DRAW
    parameters = inspect.signature(draw_sample).parameters
    assert ahead.PICTURES == sum(parameters[split].default for split in ("train", "val", "test"))


def test_who_waits_is_told_how_far_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(ahead, "_DRAW", "import time; time.sleep(0.5)")
    images = tmp_path / "data/sample/images"
    images.mkdir(parents=True)
    (images / "train_00000.png").touch()
    said = []
    with Drawing(tmp_path, said.append) as drawing:
        drawing.begin(sys.executable)
        drawing.wait(interval=0.1)
    assert said and set(said) == {"  1 of 2200 pictures are drawn"}


def test_drawing_ends_with_the_quickstart(tmp_path, monkeypatch):
    monkeypatch.setattr(ahead, "_DRAW", "import time; time.sleep(60)")
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt), Drawing(tmp_path, print) as drawing:
        drawing.begin(sys.executable)
        process = drawing._process
        raise KeyboardInterrupt
    assert process.returncode and time.monotonic() - begun < 30


def test_nothing_is_waited_for_where_nothing_was_begun(tmp_path):
    with Drawing(tmp_path, print) as drawing:
        drawing.wait()
    assert list(tmp_path.iterdir()) == []


class Ahead:
    packages = ("numpy", "pillow")

    def __init__(self, order):
        self.order = order

    def begin(self, python):
        self.order.append(f"begin {Path(python).name}")


@pytest.mark.parametrize(
    "plan, first",
    [
        ({"wheel": "cpu"}, ["numpy", "pillow"]),
        (
            {"wheel": "cpu", "requirements": ("paddlepaddle==2.6.2", "numpy<2", "setuptools")},
            ["numpy", "pillow", "numpy<2", "setuptools"],
        ),
        ({"wheel": "gpu"}, None),
        ({"wheel": "cpu", "in_place": True}, None),
        ({}, None),
    ],
    ids=str,
)
def test_what_drawing_needs_is_installed_first(plan, first, tmp_path, monkeypatch):
    order = []
    monkeypatch.setattr(environment, "interpreter_facts", lambda python: {"pip": True})
    monkeypatch.setattr(
        environment, "pip", lambda python, *words, **options: order.append(list(words))
    )
    monkeypatch.setattr(environment, "_install_once", lambda *arguments: order.append("the rest"))
    environment._install(Plan(tmp_path, "", **plan), Request(), Path("python"), print, Ahead(order))
    beginning = [[*environment._PIP_INSTALL, *first], "begin python"] if first else []
    assert order == [*beginning, "the rest"]


# ---------------------------------------------------------------- the trial


def interpreter(folder, script):
    """A program that is called as Python is: ``program -c CODE``."""
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands in for Python")
def test_a_paddle_that_does_not_start_is_named_with_its_reason(tmp_path):
    python = interpreter(tmp_path, 'echo "ImportError: libgomp.so.1: not there" >&2; exit 1')
    with pytest.raises(InstallError, match=r"does not start: .*libgomp1` mends it"):
        trial.try_paddle(python, tmp_path, gpu=False, log=tmp_path / "log")
    assert "libgomp.so.1" in (tmp_path / "log").read_text()


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands in for Python")
def test_what_is_used_is_compiled_whatever_the_shell_says(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    python = interpreter(tmp_path, 'echo "$2 [$PYTHONDONTWRITEBYTECODE]" >> said')
    trial.try_paddle(python, tmp_path, gpu=False, log=tmp_path / "log")
    said = sorted((tmp_path / "said").read_text().splitlines())
    assert said == sorted(["import paddle []", f"{trial._OTHERS} []"])
