"""Notebooks as the tests read them."""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def cells_of(path, kind=None):
    """The cells of a notebook, or those of one kind."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if kind in (None, cell["cell_type"])]


def source(cell):
    return "".join(cell["source"])


def run_quickly(path, folder, monkeypatch):
    """Run every code cell of a notebook in order, in this process, small and below ``folder``.

    Returns:
        dict: the names that it ends with.
    """
    home = folder / "home"  # nothing is mounted there
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("VSEPP_NOTEBOOK_QUICK", "1")
    monkeypatch.setenv("VSEPP_NOTEBOOK_FOLDER", str(folder))
    monkeypatch.chdir(path.parent)
    monkeypatch.setattr(sys, "path", list(sys.path))
    names = {"__name__": "__main__"}
    for number, cell in enumerate(cells_of(path, "code")):
        exec(compile(source(cell), f"code cell {number}", "exec"), names)
    return names
