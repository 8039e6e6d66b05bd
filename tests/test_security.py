"""What a linter that looks for security holes says about the package: nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_bandit_finds_nothing():
    pytest.importorskip("bandit")

    found = subprocess.run(
        [sys.executable, "-m", "bandit", "-q", "-r", "vsepp", "tools", "-c", "pyproject.toml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )

    assert found.returncode == 0, found.stdout + found.stderr
