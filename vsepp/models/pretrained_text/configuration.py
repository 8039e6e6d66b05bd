"""``config.json`` of Hugging Face and PaddleNLP, and PaddleNLP's older ``model_config.json``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Optional

from vsepp.models.bert import BertOptions
from vsepp.models.pretrained_text.files import read_json_file
from vsepp.system.errors import InputError
from vsepp.system.invocation import command

NAMES = ("config.json", "model_config.json")
FAMILIES = ("bert", "ernie")

_CLASS = re.compile(r"(Bert|Ernie)(Model|For\w+|LMHead\w*|Pretrain\w*)")
_CLIP = ("clip", "chinese_clip")
_TASKS = 3  # where a configuration has a task and does not say of how many


def read_options(folder: Path) -> BertOptions:
    """The network that a folder's configuration describes.

    Raises:
        InputError: when there is none, or it is of another kind of network.
    """
    path = next((folder / name for name in NAMES if (folder / name).is_file()), None)
    if path is None:
        raise InputError(f"text_weights: {folder} has no config.json{_instead(folder)}.")
    content = read_json_file(path)
    config = _innermost(content)
    family = _family(content, config)
    if family is None and "hidden_size" not in config:
        raise InputError(f"text_weights: {path} describes no network{_instead(folder)}.")
    if family not in (None, *FAMILIES):
        mend = "give the folder of such a model"
        if family in _CLIP:
            mend += f", or make a checkpoint of this one with `{command('convert')} --clip`"
        raise InputError(
            f"text_weights: {folder} is a {family}, and text_model bert reads "
            f"{' and '.join(FAMILIES)}: {mend}."
        )
    for key, usual in (("position_embedding_type", "absolute"), ("is_decoder", False)):
        if config.get(key, usual) != usual:
            raise InputError(
                f"text_weights: {path} has {key} {config[key]!r}, which is not read here: give a "
                f"model with {usual!r}."
            )
    tasks = config.get("task_type_vocab_size", _TASKS) if config.get("use_task_id") else 0
    return BertOptions.from_record({**config, "task_type_vocab_size": tasks}, str(path))


def _innermost(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """The arguments of the network itself: PaddleNLP's may be those of a head around it."""
    inner = content.get("init_args")
    for part in inner if isinstance(inner, list) else [inner]:
        if isinstance(part, dict):
            found = _innermost(part)
            if "hidden_size" in found:
                return found
    return content


def _family(content: Mapping[str, Any], config: Mapping[str, Any]) -> Optional[str]:
    """``model_type``, or what the name of a class says; None where nothing does."""
    for part in (config, content):
        if isinstance(part.get("model_type"), str):
            return part["model_type"]
    for part in (config, content):
        named = part.get("architectures")
        for name in (part.get("init_class"), *(named if isinstance(named, list) else [])):
            if isinstance(name, str):
                match = _CLASS.fullmatch(name)
                return match[1].lower() if match else name
    return None


def _instead(folder: Path) -> str:
    """What to do about a folder without a configuration, by what else is in it."""
    below = sorted(
        path.parent
        for pattern in ("*/", "*/*/")
        for name in NAMES
        for path in folder.glob(pattern + name)
        if "hidden_size" in _innermost(_read_quietly(path))
    )
    if below:
        return f": give the folder {below[0]}, which has one"
    names = sorted(path.name for path in folder.iterdir())
    there = (
        f"it has {', '.join(names[:5])}{', …' if len(names) > 5 else ''}"
        if names
        else "it is empty"
    )
    return (
        f" ({there}): give a folder with config.json, the weights and the tokenizer of a BERT, as "
        "Hugging Face or PaddleNLP keep it"
    )


def _read_quietly(path: Path) -> Mapping[str, Any]:
    try:
        return read_json_file(path)
    except InputError:
        return {}
