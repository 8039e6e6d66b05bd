"""What type checkers are told of the package's public names."""

import ast
import re
from pathlib import Path

import vsepp
import vsepp.index


def test_the_stub_names_what_the_package_hands_out():
    stub = ast.parse(Path(vsepp.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    told = {
        name.asname: statement.module
        for statement in stub.body
        if isinstance(statement, ast.ImportFrom)
        for name in statement.names
        if name.asname == name.name  # the form that hands a name on
    }

    assert told == vsepp._HOMES


def test_every_module_with_a_public_name_is_checked():
    root = Path(vsepp.__file__).parents[1]
    settings = (root / "pyproject.toml").read_text(encoding="utf-8").partition("[tool.mypy]")[2]
    listed = re.findall(r'"([^"]+)"', re.search(r"^files = \[(.*?)^\]", settings, re.M | re.S)[1])
    checked = {
        file
        for place in map(root.joinpath, listed)
        for file in (place.rglob("*.py") if place.is_dir() else [place])
    }

    public = {*vsepp._HOMES.values(), *vsepp.index._HOMES.values(), "vsepp.statistics"}
    for module in public:
        file = root.joinpath(*module.split("."))
        found = {file.with_suffix(".py"), file / "__init__.py"} & checked
        assert found, f"{module} is missing in [tool.mypy] of pyproject.toml"
