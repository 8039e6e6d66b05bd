"""What every notebook holds."""

import ast
import json
import re

import pytest
from notebooks.reading import NOTEBOOKS, ROOT, cells_of, source

pytestmark = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def test_it_is_stored_without_outputs(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    cells = cells_of(path)
    assert len({cell["id"] for cell in cells}) == len(cells)
    for cell in cells_of(path, "code"):
        assert cell["outputs"] == [] and cell["execution_count"] is None


def test_every_text_is_chinese_and_english(path):
    assert cells_of(path, "markdown")
    for cell in cells_of(path, "markdown"):
        text = source(cell)
        assert re.search("[\u4e00-\u9fff]{2}", text), text
        assert len(re.findall("[A-Za-z]{2,}", text)) > 5, text


def test_the_code_is_plain_python(path):
    assert cells_of(path, "code")
    for cell in cells_of(path, "code"):
        assert ast.parse(source(cell)).body, source(cell)  # magics and shell lines do not parse


def test_every_tool_and_file_it_names_is_there(path):
    text = "".join(map(source, cells_of(path)))
    called = re.findall(r"tool\(\s*\"(\w+)\"|tools/(\w+)\.py", text)
    assert called
    for names in called:
        assert (ROOT / "tools" / f"{''.join(names)}.py").exists()
    for name in re.findall(r"`(docs/\w+\.md)`", text):
        assert (ROOT / name).exists()


def test_nbformat_accepts_it(path):
    nbformat = pytest.importorskip("nbformat")
    nbformat.validate(nbformat.read(path, as_version=4))
