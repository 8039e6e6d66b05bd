"""What type checkers are told of the package's public names."""

import ast
from pathlib import Path

import vsepp


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
