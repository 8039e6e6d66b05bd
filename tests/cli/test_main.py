"""``vsepp``: one door to every command."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

import vsepp
from vsepp.cli.main import COMMANDS, main
from vsepp.system.invocation import command

ROOT = Path(__file__).parents[2]


def module(*words, **options):
    return subprocess.run(
        [sys.executable, "-m", "vsepp", *words],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        **options,
    )


def test_every_command_is_a_tool_and_says_what_it_takes(capsys):
    for name in COMMANDS:
        assert (ROOT / "tools" / f"{name}.py").exists()
        with pytest.raises(SystemExit) as caught:
            main([name, "-h"])
        assert caught.value.code == 0
        assert capsys.readouterr().out.startswith(f"usage: vsepp {name} ")


def test_help_lists_the_commands_and_loads_nothing(capsys):
    assert main(["-h"]) == 0
    printed = capsys.readouterr().out
    assert all(f"\n  {name} " in printed for name in COMMANDS)

    code = (
        "import sys; from vsepp.cli.main import main; main(['-h'])\n"
        "sys.exit(bool({'numpy', 'paddle', 'PIL', 'yaml'} & {*sys.modules}))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_without_a_command_it_is_a_mistake(capsys):
    assert main([]) == 2
    assert "usage: vsepp COMMAND" in capsys.readouterr().err


@pytest.mark.parametrize(
    "wrong, nearest", [("trian", "train"), ("evaluate", "eval"), ("INFO", "info")]
)
def test_a_wrong_command_is_named_with_the_nearest(capsys, wrong, nearest):
    assert main([wrong]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: there is no command '{wrong}'; the nearest is '{nearest}'")
    assert error.count("\n") == 1


@pytest.mark.parametrize("words", (["--", "train"], ["-c", "x", "train"], ["--dataset=x", "eval"]))
def test_the_command_comes_before_its_options(capsys, words):
    assert main(words) == 2
    assert capsys.readouterr().err.startswith(f"error: the command comes first, before {words[0]}:")


def test_the_version_is_the_packages(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"vsepp {vsepp.__version__}\n"


def test_its_messages_name_it(tmp_path, capsys):
    assert main(["eval", "--dataset", "none", "--data-dir", str(tmp_path)]) == 2
    assert "`vsepp prepare --dataset none" in capsys.readouterr().err
    assert command("train") == "python tools/train.py"  # this process is another one again


def test_the_module_can_be_run(tmp_path):
    process = module("eval", "--dataset", "none", cwd=tmp_path)
    assert process.returncode == 2
    assert "`python -m vsepp prepare --dataset none" in process.stderr
    assert module("--version").stdout == f"vsepp {vsepp.__version__}\n"


def test_every_command_is_where_it_is_looked_for():
    for name in COMMANDS:
        assert callable(importlib.import_module(f"vsepp.cli.{name}").main)
