"""The examples in docstrings hold."""

import doctest
import importlib
from pathlib import Path

import pytest

import vsepp

ROOT = Path(vsepp.__file__).parent
MODULES = sorted(
    ".".join(("vsepp", *path.relative_to(ROOT).with_suffix("").parts))
    for path in ROOT.rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_hold(name):
    result = doctest.testmod(importlib.import_module(name.removesuffix(".__init__")))

    assert result.attempted and not result.failed
