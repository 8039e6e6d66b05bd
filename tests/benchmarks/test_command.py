"""``tools/benchmark.py``."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.command import main
from benchmarks.parts import PARTS
from vsepp.system.errors import InputError

ROOT = Path(__file__).parents[2]


def test_the_command_prints_a_table_and_writes_json(tmp_path):
    path = tmp_path / "figures.json"

    process = subprocess.run(
        [
            sys.executable,
            str(ROOT / "tools" / "benchmark.py"),
            "--only",
            "ranks",
            "--smoke",
            "--rounds",
            "1",
            "--threads",
            "1",
            "--json",
            str(path),
        ],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )

    assert process.returncode == 0, process.stderr
    assert "threads of each side: 1" in process.stdout
    assert "bare product" in process.stdout and f"written to {path}" in process.stdout
    written = json.loads(path.read_text(encoding="utf-8"))
    assert set(written) == {"format", "machine", "smoke", "soak_minutes", "parts"}
    assert written["smoke"] is True and list(written["parts"]) == ["ranks"]
    machine = written["machine"]
    assert machine["threads"] == 1 and machine["cores"] >= 1
    assert {"vsepp", "python", "numpy"} <= set(machine["versions"])
    part = written["parts"]["ranks"]
    assert set(part) == {"title", "skipped", "seconds", "rows", "figures", "notes"}
    row = part["rows"][0]
    assert set(row) == {
        "what",
        "reference",
        "kind",
        "amount",
        "unit",
        "note",
        "ratio",
        "ours",
        "theirs",
    }
    assert row["ratio"]["lowest"] <= row["ratio"]["value"] <= row["ratio"]["highest"]
    assert row["theirs"]["rounds"] and [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_ours_alone_writes_seconds_without_a_reference(tmp_path, capsys):
    path = tmp_path / "figures.json"

    assert main(["--ours", "--smoke", "--only", "ranks", "--rounds", "2", "--json", str(path)]) == 0

    assert "bare product" not in capsys.readouterr().out
    rows = json.loads(path.read_text(encoding="utf-8"))["parts"]["ranks"]["rows"]
    assert [row["what"] for row in rows[:2]] == ["ranks of 20 × 100", "all metrics of 20 × 100"]
    assert all(len(row["ours"]["rounds"]) == 2 and row["theirs"] is None for row in rows)


def test_list_names_every_part(capsys):
    assert main(["--list"]) == 0

    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(PARTS)


@pytest.mark.parametrize(
    "argv, words",
    [
        (["--only", "index", "rankss"], "no part 'rankss'; the nearest is 'ranks'"),
        (["--threads", "100000"], "--threads 100000 is more than"),
        (["--only", "ranks", "--soak", "1"], "add it to --only"),
        (["--json", "."], "--json: . is a folder"),
        (["--ours", "--torch-python", sys.executable], "--ours runs no PyTorch"),
    ],
)
def test_a_mistake_is_refused_before_anything_is_measured(argv, words):
    with pytest.raises(InputError, match=words):
        main(argv)


def test_a_json_that_cannot_be_written_is_refused_before_anything_is_measured(monkeypatch):
    monkeypatch.setattr("benchmarks.parts.measure", lambda *_: pytest.fail("it measured"))

    with pytest.raises(OSError) as caught:
        main(["--only", "ranks", "--smoke", "--json", f"{__file__}/below.json"])
    assert str(caught.value.filename) == __file__


@pytest.mark.skipif(os.name == "nt", reason="no such scripts here")
def test_an_interpreter_that_says_nothing_is_refused(tmp_path):
    silent = tmp_path / "silent"
    silent.write_text("#!/bin/sh\n")
    silent.chmod(0o755)

    with pytest.raises(InputError, match="it says nothing"):
        main(["--only", "ranks", "--torch-python", str(silent)])


@pytest.mark.parametrize(
    "argv",
    [
        ["--rounds", "0"],
        ["--threads", "two"],
        ["--soak", "nan"],
        ["--soak", "-1"],
        ["--rounds", "²"],
    ],
)
def test_numbers_have_to_be_some(argv, capsys):
    with pytest.raises(SystemExit) as caught:
        main(argv)

    assert caught.value.code == 2 and "is not a" in capsys.readouterr().err
