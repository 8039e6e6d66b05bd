"""The AI Studio notebook: what it holds, and that it runs from top to bottom without Jupyter."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATH = ROOT / "notebooks" / "vsepp_ai_studio.ipynb"
CELLS = json.loads(PATH.read_text(encoding="utf-8"))["cells"]

# Runs every code cell of a notebook in order, in one namespace, as a fresh kernel would.
RUNNER = """
import json, sys
cells = json.load(open(sys.argv[1], encoding="utf-8"))["cells"]
names = {"__name__": "__main__"}
for number, cell in enumerate(cells):
    if cell["cell_type"] == "code":
        exec(compile("".join(cell["source"]), f"cell {number}", "exec"), names)
"""


def source(cell):
    return "".join(cell["source"])


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


def test_it_runs_from_top_to_bottom(tmp_path):
    printed = run_notebook(tmp_path, VSEPP_NOTEBOOK_QUICK="1")
    check_results(tmp_path, printed)


@pytest.mark.slow
def test_it_runs_at_full_size(tmp_path):
    printed = run_notebook(tmp_path)
    check_results(tmp_path, printed)
    recalls = re.findall(r"^sentence → image +[\d.]+ +[\d.]+ +([\d.]+)", printed, re.MULTILINE)
    assert max(map(float, recalls)) > 80  # by chance 10


def test_it_is_stored_without_outputs():
    notebook = json.loads(PATH.read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in CELLS}) == len(CELLS)
    for cell in CELLS:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None


def cells_of(kind):
    return [cell for cell in CELLS if cell["cell_type"] == kind]


def test_every_text_is_chinese_and_english():
    assert cells_of("markdown")
    for cell in cells_of("markdown"):
        text = source(cell)
        assert re.search("[\u4e00-\u9fff]{2}", text), text
        assert len(re.findall("[A-Za-z]{2,}", text)) > 5, text


def test_the_code_is_plain_python():
    assert cells_of("code")
    for cell in cells_of("code"):
        assert ast.parse(source(cell)).body, source(cell)  # magics and shell lines do not parse


def test_every_tool_it_calls_is_there():
    called = set(re.findall(r"tool\(\"(\w+)\"", "".join(map(source, CELLS))))
    assert {"prepare", "train", "eval", "infer", "report"} <= called
    for name in called:
        assert (ROOT / "tools" / f"{name}.py").exists()


def test_nbformat_accepts_it():
    nbformat = pytest.importorskip("nbformat")
    nbformat.validate(nbformat.read(PATH, as_version=4))
