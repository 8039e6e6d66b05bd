"""What README promises is what the package does."""

import re
from pathlib import Path

import vsepp
from vsepp.config import KEYS, Config, load_config

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
README_CN = (Path(__file__).parents[1] / "README_cn.md").read_text(encoding="utf-8")


def shown(value):
    """A default as README writes it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def test_every_key_is_listed_with_its_default():
    listed = dict(re.findall(r"^\| `(\w+)` \| `([^`]*)` \|", README, re.MULTILINE))
    assert listed == {name: shown(getattr(Config(), name)) for name in KEYS}


def code_blocks(text):
    """The code blocks without their comments; of the layout, which has no language, the names."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [
        re.sub(r" *# .*", "", body) if language else re.findall(r"[\w/]+\.py|\w+/", body, re.ASCII)
        for language, body in blocks
    ]


def test_the_chinese_readme_says_the_same():
    assert code_blocks(README_CN) == code_blocks(README)
    for what in [
        r"^\| `(\w+)` \| `([^`]*)` \|",  # keys and defaults
        r"^(##+) ",  # sections
        r"\]\(((?!README)[^)]+)\)",
    ]:  # links and pictures
        found = [re.findall(what, text, re.MULTILINE) for text in (README, README_CN)]
        assert found[0] and found[0] == found[1], what
    prose = [
        " ".join(re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL).split())
        for text in (README, README_CN)
    ]
    for what in [r"\d+\.\d+", r"`[^`]+`"]:  # figures; names, in any order
        found = [sorted(re.findall(what, text)) for text in prose]
        assert found[0] == found[1], what
    assert "[中文](README_cn.md)" in README and "[English](README.md)" in README_CN


def test_every_configuration_it_names_is_there():
    recipes = set(re.findall(r"`<dataset>_(paper\w*)`", README))
    assert {"paper", "paper_vse0", "paper_order0", "paper_orderpp", "paper_npair"} <= recipes
    for recipe in recipes:
        assert load_config(f"flickr30k_{recipe}").dataset == "flickr30k"


def test_every_command_and_picture_it_names_is_there():
    root = Path(__file__).parents[1]
    for name in set(re.findall(r"tools/\w+\.py", README)) | set(
        re.findall(r"\]\((?!http)([^)]+)\)", README)
    ):
        assert (root / name).exists(), name


def test_the_layers_it_draws_are_the_layers_that_are_checked():
    settings = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    (listed,) = re.findall(r"^layers = \[\n(.*?)^\]", settings, re.MULTILINE | re.DOTALL)
    checked = [set(layer.split(" | ")) for layer in re.findall(r'"(.+?)"', listed)]
    (drawing,) = re.findall(r"^vsepp/\n((?:  .*\n)+)", README, re.MULTILINE)

    drawn = [set(re.findall(r"(\w+)(?:/|\.py)(?= )", line)) for line in drawing.splitlines()]

    assert drawn == checked


def test_every_public_name_can_be_had():
    for name in vsepp.__all__:
        assert getattr(vsepp, name) is not None


def test_the_modules_that_it_names_can_be_had_by_their_paths():
    named = set(re.findall(r"`vsepp\.(statistics|index)\b", README))
    assert named == {"statistics", "index"}
    for name in named:
        assert vsepp.__getattr__(name).__name__ == f"vsepp.{name}"
