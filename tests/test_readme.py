"""What README promises is what the package does."""

import re
from pathlib import Path

import vsepp
from vsepp.config import KEYS, Config, load_config

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


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


def test_every_configuration_it_names_is_there():
    recipes = set(re.findall(r"`<dataset>_(paper\w*)`", README))
    assert {"paper", "paper_vse0", "paper_order0", "paper_orderpp", "paper_npair"} <= recipes
    for recipe in recipes:
        assert load_config(f"flickr30k_{recipe}").dataset == "flickr30k"


def test_every_command_and_picture_it_names_is_there():
    root = Path(__file__).parents[1]
    for name in set(re.findall(r"tools/\w+\.py", README)) | set(
            re.findall(r"\]\((?!http)([^)]+)\)", README)):
        assert (root / name).exists(), name


def test_every_public_name_can_be_had():
    for name in vsepp.__all__:
        assert getattr(vsepp, name) is not None
