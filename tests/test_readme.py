"""What README promises is what the package does."""

import importlib
import re
from pathlib import Path

import pytest

import vsepp
from vsepp.config import KEYS, Config, load_config

ROOT = Path(__file__).parents[1]


def page(name):
    return (ROOT / name).read_text(encoding="utf-8")


README, README_CN = page("README.md"), page("README_cn.md")
ENCODERS, ENCODERS_CN = page("docs/encoders.md"), page("docs/encoders_cn.md")
CAPTIONING, CAPTIONING_CN = page("docs/captioning.md"), page("docs/captioning_cn.md")
SEVERAL, SEVERAL_CN = page("docs/several_processes.md"), page("docs/several_processes_cn.md")
EXPORT, EXPORT_CN = page("docs/export.md"), page("docs/export_cn.md")


def shown(value):
    """A default as README writes it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def test_every_key_is_listed_with_its_default_and_meaning():
    listed = re.findall(r"^\| `(\w+)` \| `([^`]*)` \| (.*) \|$", README, re.MULTILINE)
    assert listed == [
        (name, shown(getattr(Config(), name)), meaning(key.metadata)) for name, key in KEYS.items()
    ]


def meaning(key):
    choices = f" ({', '.join(key['choices'])})" if key["choices"] else ""
    return key["meaning"] + choices


def code_blocks(text):
    """The code blocks without their comments; of the layout, which has no language, the names."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [
        re.sub(r" *# .*", "", body) if language else re.findall(r"[\w/]+\.py|\w+/", body, re.ASCII)
        for language, body in blocks
    ]


@pytest.mark.parametrize(
    "english, chinese",
    [
        (README, README_CN),
        (ENCODERS, ENCODERS_CN),
        (CAPTIONING, CAPTIONING_CN),
        (SEVERAL, SEVERAL_CN),
        (EXPORT, EXPORT_CN),
    ],
    ids=["README", "encoders", "captioning", "several_processes", "export"],
)
def test_the_chinese_page_says_the_same(english, chinese):
    assert code_blocks(chinese) == code_blocks(english)
    for what in [
        r"^\| `(\w+)` \| `([^`]*)` \|",  # keys and defaults
        r"^(##+) ",  # sections
        r"\]\(((?!README|encoders|captioning|several|export)[^)]+)\)",  # links and pictures
    ]:
        found = [re.findall(what, text, re.MULTILINE) for text in (english, chinese)]
        assert found[0] == found[1], what
        assert found[0] or english is not README, what
    prose = [
        " ".join(re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL).split())
        for text in (english, chinese)
    ]
    for what in [r"\d+\.\d+", r"`[^`]+`"]:  # figures; names, in any order
        found = [sorted(re.findall(what, text)) for text in prose]
        assert found[0] and found[0] == found[1], what


def test_each_page_leads_to_the_other_language():
    assert "[中文](README_cn.md)" in README and "[English](README.md)" in README_CN
    assert "[中文](encoders_cn.md)" in ENCODERS and "[English](encoders.md)" in ENCODERS_CN
    assert "[中文](captioning_cn.md)" in CAPTIONING and "[English](captioning.md)" in CAPTIONING_CN
    assert "[中文](several_processes_cn.md)" in SEVERAL
    assert "[English](several_processes.md)" in SEVERAL_CN
    assert "[中文](export_cn.md)" in EXPORT and "[English](export.md)" in EXPORT_CN


def test_every_option_and_command_of_the_encoders_is_there():
    options = set(re.findall(r"\b([a-z_]+)=[\w.\"]", ENCODERS)) - {"key"}
    assert len(options) > 20 and options <= set(KEYS)
    named = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", ENCODERS))
    assert named - set(KEYS) == {"chinese_clip"}
    for name in set(re.findall(r"-c (\w+)", ENCODERS)) | {"flickr8k_clip"}:
        assert load_config(name).dataset == "flickr8k"
    for name in set(re.findall(r"tools/\w+\.py", ENCODERS)):
        assert (ROOT / name).exists(), name


def test_every_option_and_command_of_captioning_is_there():
    text = re.sub(r"```python\n.*?```|/api\S*", "", CAPTIONING, flags=re.DOTALL)
    options = set(re.findall(r"\b([a-z_]+)=[\w.\"]", text)) - {"tokenized", "attention"}
    assert len(options) > 10 and options <= set(KEYS)
    for name in set(re.findall(r"-c (\w+)", CAPTIONING)):
        assert load_config(name).caption_model
    for name in set(re.findall(r"tools/\w+\.py", CAPTIONING)):
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize(
    "tool", ["caption", "eval", "train", "report", "demo", "convert", "export"]
)
def test_every_option_of_a_command_is_in_its_help(tool, capsys):
    commands = "".join(body for text in (README, CAPTIONING, EXPORT) for body in code_text(text))
    typed = re.findall(rf"^python tools/{tool}\.py (.*)$", commands, re.MULTILINE)
    options = set(re.findall(r"(?<!\S)--[a-z-]+", " ".join(typed)))
    with pytest.raises(SystemExit):
        importlib.import_module(f"vsepp.cli.{tool}").main(["-h"])
    assert typed and options <= set(re.findall(r"--[a-z-]+", capsys.readouterr().out))


def code_text(text):
    """The code blocks without comments, each command in one line."""
    for body in re.findall(r"^```bash\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield re.sub(r"\\\n +| *# .*", " ", body)


@pytest.mark.parametrize("key", ["cell_size", "attention_size", "decoder_size", "max_words"])
def test_the_documents_sizes_are_those_of_their_configurations(key):
    (row,) = re.findall(rf"^\| `{key}` \| (.*) \|$", CAPTIONING, re.MULTILINE)
    for recipe, said in zip(("caption_attention", "caption_addnorm", "caption"), row.split(" | ")):
        value = getattr(load_config(f"flickr8k_{recipe}"), key)
        assert said in (f"{value:,}", "–") or (said, value) == ("all", 0)


def test_every_configuration_it_names_is_there():
    recipes = set(re.findall(r"`<dataset>_(\w+)`", README))
    assert {"paper", "paper_vse0", "paper_order0", "paper_orderpp", "paper_npair"} <= recipes
    assert {"fast", "grid", "bert", "clip", "dual_encoder"} <= recipes
    assert {"caption", "caption_attention", "caption_addnorm"} <= recipes
    for recipe in recipes:
        assert load_config(f"flickr30k_{recipe}").dataset == "flickr30k"


def test_every_command_and_picture_it_names_is_there():
    for name in set(re.findall(r"tools/\w+\.py", README)) | set(
        re.findall(r"\]\((?!http)([^)]+)\)", README)
    ):
        assert (ROOT / name).exists(), name


def test_the_layers_it_draws_are_the_layers_that_are_checked():
    settings = page("pyproject.toml")
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


def test_every_index_it_names_takes_and_finds_codes():
    named = set(re.findall(r"`(\w+Index)`", README))
    assert named == set(vsepp.index.__all__)
    for name in named:
        for method in ("add", "remove", "search"):
            assert callable(getattr(getattr(vsepp.index, name), method))
