import importlib.metadata
import re
import sys
from pathlib import Path

import pytest

from vsepp.bootstrap import notebook
from vsepp.bootstrap.notebook import PACKAGES, install_missing, kept_folder, show, tool
from vsepp.system.errors import InputError


@pytest.fixture(autouse=True)
def path_as_it_was(monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))


@pytest.fixture
def lacking(monkeypatch):
    """Make as if scikit-learn could not be imported."""
    monkeypatch.setitem(PACKAGES, "a_package_that_nobody_has", "nobody-has-it")


@pytest.fixture
def pip():
    """Stands in for pip and keeps its commands."""

    def run(command):
        run.commands.append(command)
        return run.status

    run.commands, run.status = [], 0
    return run


def test_the_packages_are_those_that_setup_asks_for():
    text = (Path(__file__).parents[2] / "setup.py").read_text(encoding="utf-8")
    required = re.search(r"install_requires=\[(.*?)\n    \]", text, re.DOTALL).group(1)
    assert sorted(PACKAGES.values()) == sorted(re.findall(r'^ *"([^"]+)"', required, re.MULTILINE))


def test_nothing_is_installed_where_everything_is_there(pip, tmp_path, capsys):
    (tmp_path / "work").mkdir()
    install_missing(home=tmp_path, run=pip)
    assert pip.commands == [] and "Every package is there" in capsys.readouterr().out


def test_on_ai_studio_packages_go_where_they_are_kept(pip, lacking, tmp_path):
    (tmp_path / "work").mkdir()
    install_missing(home=tmp_path, run=pip)
    (command,) = pip.commands
    kept = str(tmp_path / "work" / "external-libraries")
    assert "nobody-has-it" in command and command[command.index("--target") + 1] == kept
    assert sys.path[-1] == kept  # last: what the environment brings is found first
    constraints = Path(command[command.index("--constraint") + 1]).read_text()
    assert f"numpy=={importlib.metadata.version('numpy')}\n" in constraints


def test_a_folder_that_is_there_already_is_used(tmp_path):
    (tmp_path / "external-libraries").mkdir()
    assert kept_folder(tmp_path) == tmp_path / "external-libraries"


def test_elsewhere_they_go_into_this_python(pip, lacking, tmp_path):
    install_missing(home=tmp_path / "none", run=pip)
    (command,) = pip.commands
    assert command[0] == sys.executable and "--target" not in command


def test_when_pip_fails_one_sentence_says_so(pip, lacking, tmp_path):
    pip.status = 1
    with pytest.raises(InputError, match="nobody-has-it"):
        install_missing(home=tmp_path / "none", run=pip)


def test_without_paddle_one_sentence_says_so(pip, tmp_path, monkeypatch):
    find = notebook.importlib.util.find_spec
    monkeypatch.setattr(
        notebook.importlib.util, "find_spec", lambda name: None if name == "paddle" else find(name)
    )
    with pytest.raises(InputError, match="PaddlePaddle is not installed"):
        install_missing(home=tmp_path / "none", run=pip)


def test_a_tool_runs_in_this_process(tmp_path, capsys):
    with pytest.raises(InputError, match="not a prepared data set"):
        tool("eval", "--dataset", "none", "--data-dir", tmp_path)
    assert capsys.readouterr().out.startswith("$ python tools/eval.py --dataset none --data-dir ")


def test_outside_a_notebook_a_picture_is_named(tmp_path, capsys):
    from PIL import Image

    Image.new("RGB", (30, 20)).save(tmp_path / "a.png")
    show(tmp_path / "a.png")
    show(Image.new("L", (5, 4)))
    printed = capsys.readouterr().out
    assert "a.png: 30 × 20 pixels]" in printed and "[picture: 5 × 4 pixels]" in printed
