"""``tokenizer.json``, or ``vocab.txt`` and ``tokenizer_config.json``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vsepp.models.pretrained_text.files import read_json_file, read_text_file
from vsepp.system.errors import InputError
from vsepp.text.subwords import SubwordReader
from vsepp.text.tokenizer_definition import with_options, wordpiece_definition

#: by Hugging Face's and PaddleNLP's key, such as ``cls_token``
_SPECIAL = {f"{name.lower()}_token": f"[{name}]" for name in ("PAD", "UNK", "CLS", "SEP", "MASK")}
_WORDPIECE = ("BertTokenizer", "BertFastTokenizer", "ErnieTokenizer", "ErnieFastTokenizer")


def read_tokenizer(folder: Path, longest: int) -> SubwordReader:
    """What turns sentences into the tokens of the model in a folder.

    Args:
        longest: tokens that its network can take.

    Raises:
        InputError: when there is no tokenizer that can be read.
    """
    options = tokenizer_options(folder)
    special = {key: special_token(options, key, usual) for key, usual in _SPECIAL.items()}
    path = folder / "tokenizer.json"
    if path.is_file():
        definition = with_options(read_json_file(path), options)
    else:
        path = folder / "vocab.txt"
        if not path.is_file():
            raise InputError(
                f"text_weights: {folder} has neither tokenizer.json nor vocab.txt: put the "
                "tokenizer there that the weights came with."
            )
        definition = _of_vocabulary(path, options, special)
    return SubwordReader(
        definition,
        special["cls_token"],
        special["sep_token"],
        longest,
        special["unk_token"],
        special["mask_token"],
        str(path),
    )


def tokenizer_options(folder: Path) -> dict[str, Any]:
    """What is said of a tokenizer beside its words."""
    options: dict[str, Any] = {}
    for name in ("special_tokens_map.json", "tokenizer_config.json"):
        if (folder / name).is_file():
            options.update(read_json_file(folder / name))
    return options


def special_token(options: Mapping[str, Any], key: str, usual: str) -> str:
    """A special token by its key, which is text, or an object around it; ``usual`` without one."""
    token = options.get(key)
    if isinstance(token, dict):
        token = token.get("content")
    return token if isinstance(token, str) else usual


def _of_vocabulary(path: Path, options: Mapping[str, Any], special: Mapping[str, str]) -> str:
    kind = options.get("tokenizer_class") or _WORDPIECE[0]
    if str(kind).replace("TokenizerFast", "Tokenizer") not in _WORDPIECE:
        raise InputError(
            f"text_weights: {path.parent} cuts sentences by a {kind}, which cannot be made of "
            "vocab.txt alone: give a model with a tokenizer.json."
        )
    lines = read_text_file(path).split("\n")
    tokens = lines[:-1] if lines[-1] == "" else lines
    accents = options.get("strip_accents")
    if special["unk_token"] not in tokens:
        raise InputError(
            f"{path} lacks the token {special['unk_token']}: give the vocabulary that the weights "
            "came with."
        )
    return wordpiece_definition(
        tokens,
        list(special.values()),
        special["unk_token"],
        lowercase=options.get("do_lower_case") is not False,
        strip_accents=accents if isinstance(accents, bool) else None,
        chinese=options.get("tokenize_chinese_chars") is not False,
    )
