"""What docs/differences.md says to type exists, and both languages say to type the same."""

import re
from pathlib import Path

import pytest

from vsepp.config import load_config

DOCS = Path(__file__).parents[1] / "docs"
PAGES = {name: (DOCS / name).read_text("utf-8") for name in ("differences.md", "differences_cn.md")}


def typed(text):
    """The third cell of every row: what to type."""
    rows = re.findall(r"^\| (.+) \| (.+) \| (.+) \|$", text, re.MULTILINE)
    return [re.findall(r"`[^`]+`|^–$", cell) for _, _, cell in rows]


def test_both_languages_say_to_type_the_same():
    english, chinese = PAGES.values()
    assert len(typed(english)) > 30
    assert typed(english) == typed(chinese)
    assert sorted(re.findall(r"`[^`]+`", english)) == sorted(re.findall(r"`[^`]+`", chinese))
    assert english.count("\n## ") == chinese.count("\n## ")


@pytest.mark.parametrize("page", PAGES)
def test_what_it_links_to_is_there(page):
    links = re.findall(r"\]\(([^)]+)\)", PAGES[page])
    assert links
    for link in links:
        assert (DOCS / link).exists(), link


def test_every_option_it_names_is_taken():
    options = re.findall(r"`-o (\w+=[^`]+)`", PAGES["differences.md"])
    assert len(options) > 6
    for option in options:
        key, _, value = option.partition("=")
        config = load_config("flickr8k", [f"{key}={'7' if value == '…' else value}"])
        assert key in config.given
    without_cuts = load_config("flickr8k", ["lr_decay=1"])
    assert without_cuts.learning_rate * without_cuts.lr_decay**3 == 0.00002


def test_every_tool_it_names_is_there():
    for name in set(re.findall(r"tools/\w+\.py", PAGES["differences.md"])):
        assert (DOCS.parent / name).exists()
