"""``tokenizer.json``, as the package ``tokenizers`` reads it: made, changed, and opened."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Optional

from vsepp.system.errors import InputError

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def library() -> Any:
    """The package ``tokenizers``; InputError where it is not installed."""
    try:
        import tokenizers
    except ImportError:
        raise InputError(
            "the tokens of a pretrained text encoder need the package tokenizers: run "
            "`pip install tokenizers`."
        ) from None
    return tokenizers


def wordpiece_definition(
    tokens: Sequence[str],
    special: Sequence[str],
    unknown: str = "[UNK]",
    lowercase: bool = True,
    strip_accents: Optional[bool] = None,
    chinese: bool = True,
) -> str:
    """What a ``tokenizer.json`` would hold of a BERT that came with ``vocab.txt`` alone.

    Args:
        tokens: by index, as the lines of ``vocab.txt`` have them; of equal ones the last counts.
        special: tokens that are never cut, where a sentence has them.
        unknown: the token that stands for what cannot be cut into others.
        lowercase: ``do_lower_case``.
        strip_accents: take accents off; None: where ``lowercase`` is set.
        chinese: ``tokenize_chinese_chars``, each of which is then a word.
    """
    lib = library()
    indices = {token: index for index, token in enumerate(tokens)}
    tokenizer = lib.Tokenizer(lib.models.WordPiece(indices, unk_token=unknown))
    tokenizer.normalizer = lib.normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=chinese,
        strip_accents=strip_accents,
        lowercase=lowercase,
    )
    tokenizer.pre_tokenizer = lib.pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = lib.decoders.WordPiece()
    tokenizer.add_special_tokens([token for token in special if token in indices])
    return tokenizer.to_str()


#: key of ``tokenizer_config.json`` → of the normalizer in ``tokenizer.json``
_NORMALIZER = {
    "do_lower_case": "lowercase",
    "strip_accents": "strip_accents",
    "tokenize_chinese_chars": "handle_chinese_chars",
}


def with_options(content: dict[str, Any], options: Mapping[str, Any]) -> str:
    """A ``tokenizer.json`` with what its ``tokenizer_config.json`` says otherwise.

    Where the two differ, the latter counts, as it does for Hugging Face.

    Args:
        content: of the former.
        options: content of the latter.
    """
    normalizer = content.get("normalizer")
    if isinstance(normalizer, dict) and normalizer.get("type") == "BertNormalizer":
        for key, theirs in _NORMALIZER.items():
            if isinstance(options.get(key), bool):
                normalizer[theirs] = options[key]
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def read_definition(definition: str, source: str) -> Tokenizer:
    """The tokenizer that a ``tokenizer.json`` holds, which neither cuts nor pads.

    Args:
        definition: its content.
        source: the file, for messages.

    Raises:
        InputError: when the library does not read it, or is not installed.
    """
    lib = library()
    try:
        tokenizer = lib.Tokenizer.from_str(definition)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # the library's panics are no Exceptions
        said = " ".join(str(error).split())[:200]
        raise InputError(
            f"{source} is no tokenizer that the package tokenizers {lib.__version__} reads "
            f"({said}): fetch it again, or update the package."
        ) from None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
