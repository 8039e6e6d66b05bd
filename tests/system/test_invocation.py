"""Messages name commands in the way that this process was called."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from vsepp.system import invocation

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def as_before():
    yield
    invocation.called_as(None)


def test_the_console_script_names_itself():
    invocation.called_as("vsepp", "prepare")

    assert invocation.command("train") == "vsepp train"
    assert invocation.tool("eval") == "vsepp eval"
    assert invocation.program() == "vsepp prepare"


def test_a_module_that_is_run_names_itself():
    invocation.called_as("python -m vsepp", "prepare")

    assert (
        invocation.command("train", "--dataset", "mine") == "python -m vsepp train --dataset mine"
    )


@pytest.mark.parametrize(
    "typed, said",
    [
        ("tools/prepare.py", "python tools/train.py"),
        ("./tools/prepare.py", "python tools/train.py"),
        (str(ROOT / "tools/prepare.py"), f"python {shlex.quote(str(ROOT / 'tools/train.py'))}"),
    ],
)
def test_a_tool_names_the_others_where_it_lies_itself(monkeypatch, typed, said):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", [typed])

    assert invocation.command("train") == said
    assert invocation.program() is None


def test_a_folder_with_blanks_is_quoted(monkeypatch, tmp_path):
    tools = tmp_path / "my checkout" / "tools"
    tools.mkdir(parents=True)
    monkeypatch.setattr(invocation, "_CHECKOUT_TOOLS", tools)
    monkeypatch.setattr(sys, "argv", [str(tools / "prepare.py")])

    words = shlex.split(invocation.command("train", "--data-dir", "my data", Path("a'b")))

    assert words == ["python", str(tools / "train.py"), "--data-dir", "my data", "a'b"]


@pytest.mark.parametrize("argv", [["notebook"], ["/elsewhere/tools/prepare.py"], [""], []])
def test_another_program_is_told_of_the_checkout_or_of_what_is_installed(
    monkeypatch, tmp_path, argv
):
    monkeypatch.setattr(sys, "argv", argv)
    assert invocation.command("train") == "python tools/train.py"

    monkeypatch.setattr(invocation, "_CHECKOUT_TOOLS", tmp_path / "tools")
    assert invocation.command("train") == "vsepp train"


def test_a_message_of_a_tool_runs_as_printed(tmp_path):
    """Called from another folder, by an absolute path."""
    tool = ROOT / "tools/infer.py"
    process = subprocess.run(
        [sys.executable, tool, "--dataset", "none", "--text", "a dog", "--data-dir", "my data"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )

    assert process.returncode == 2
    command = shlex.split(process.stderr.split("`")[1])
    assert command[0] == "python" and (tmp_path / command[1]).is_file()
