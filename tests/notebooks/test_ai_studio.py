"""The AI Studio notebook: what it holds, and that it runs from top to bottom without Jupyter."""

import os
import re
import subprocess
import sys

import pytest
from notebooks.reading import ROOT, cells_of, source

PATH = ROOT / "notebooks" / "vsepp_ai_studio.ipynb"

# Runs every code cell of a notebook in order, in one namespace, as a fresh kernel would.
RUNNER = """
import json, sys
cells = json.load(open(sys.argv[1], encoding="utf-8"))["cells"]
names = {"__name__": "__main__"}
for number, cell in enumerate(cells):
    if cell["cell_type"] == "code":
        exec(compile("".join(cell["source"]), f"cell {number}", "exec"), names)
"""


def run_notebook(folder, **variables):
    """Run it in ``folder``; what it printed."""
    home = folder / "home"  # nothing is mounted there
    home.mkdir()
    environment = {
        **os.environ,
        "HOME": str(home),
        "VSEPP_NOTEBOOK_FOLDER": str(folder),
        "PYTHONIOENCODING": "utf-8",
        **variables,
    }
    done = subprocess.run(
        [sys.executable, "-c", RUNNER, str(PATH)],
        cwd=PATH.parent,
        env=environment,
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


def check_results(folder, printed):
    assert printed.startswith("Every package is there.")
    assert "Data set sample: drawn by the package" in printed or "its files are in" in printed
    assert "R@10" in printed and "rsum" in printed and "sentence → image" in printed
    for name in ("answer_text.png", "answer_image.png", "found.png"):
        assert (folder / "runs" / name).stat().st_size > 10_000 and f"[runs/{name}:" in printed
    assert "<h1>sample, test split</h1>" in (folder / "runs/sample/report.html").read_text(
        encoding="utf-8"
    )
    assert list((folder / "runs/sample").glob("*/curves.png"))
    assert any((folder / "photographs").iterdir())


@pytest.mark.slow
def test_it_runs_from_top_to_bottom(tmp_path):
    printed = run_notebook(tmp_path, VSEPP_NOTEBOOK_QUICK="1")
    check_results(tmp_path, printed)


@pytest.mark.slow
def test_it_runs_at_full_size(tmp_path):
    printed = run_notebook(tmp_path)
    check_results(tmp_path, printed)
    recalls = re.findall(r"^sentence → image +[\d.]+ +[\d.]+ +([\d.]+)", printed, re.MULTILINE)
    assert max(map(float, recalls)) > 80  # by chance 10


def test_it_calls_the_tools():
    called = set(re.findall(r"tool\(\s*\"(\w+)\"", "".join(map(source, cells_of(PATH)))))
    assert {"prepare", "train", "eval", "infer", "report"} <= called
