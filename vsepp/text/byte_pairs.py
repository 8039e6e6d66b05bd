"""The tokens of CLIP: pieces of words as bytes, joined pair by pair; a word's last has ``</w>``."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path

from vsepp.system.errors import InputError
from vsepp.text.tokenizer_definition import library

START, END = "<|startoftext|>", "<|endoftext|>"
END_OF_WORD = "</w>"

_PIECES = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
_MOST_BYTES = 2**26  # of a file of merges, unpacked: thirty times what CLIP's has
#: what OpenAI's cleaning makes of quotation marks, see ftfy's ``uncurl_quotes``
_QUOTES = (("[\u02bc\u2018-\u201b]", "'"), ("[\u201c-\u201f]", '"'))


def byte_alphabet() -> list[str]:
    """The character that stands for each byte, in the order of CLIP's indices.

    >>> alphabet = byte_alphabet()
    >>> len(alphabet), alphabet[:3], alphabet[-1]
    (256, ['!', '"', '#'], 'Ń')
    """
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in set(shown)]
    return [*map(chr, shown), *(chr(256 + place) for place in range(len(others)))]


def read_merges(path: str | Path) -> list[tuple[str, str]]:
    """The pairs in a ``merges.txt``, or in OpenAI's ``bpe_simple_vocab_16e6.txt.gz``, in order.

    Raises:
        InputError: when the file cannot be read, or holds anything else.
    """
    try:
        data = Path(path).read_bytes()
        if data[:2] == b"\x1f\x8b":
            with gzip.open(path) as file:
                data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise ValueError("it is too large")
        lines = data.decode("utf-8").split("\n")
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise InputError(
            f"{path} is no list of byte pairs ({error}): give CLIP's merges.txt, or OpenAI's "
            "bpe_simple_vocab_16e6.txt.gz."
        ) from None
    pairs = []
    for number, line in enumerate(lines[1:], 2):  # the first says which version it is
        parts = line.split()
        if not parts and number == len(lines):
            break
        if len(parts) != 2:
            raise InputError(
                f"{path}: line {number} is no pair of tokens: give CLIP's merges.txt, or OpenAI's "
                "bpe_simple_vocab_16e6.txt.gz."
            )
        pairs.append((parts[0], parts[1]))
    return pairs


def tokens_of(pairs: Sequence[tuple[str, str]], size: int, source: str | Path) -> dict[str, int]:
    """``{token: index}`` of a CLIP that came with its pairs alone, as OpenAI's code numbers them.

    Args:
        pairs: what :func:`read_merges` returned.
        size: rows of the model's table: the first of the pairs fill it.
        source: the file, for messages.

    Raises:
        InputError: when there are too few pairs.
    """
    single = byte_alphabet()
    count = size - 2 * len(single) - 2
    # Their code takes what follows the last line's end for one more pair, an empty one.
    if not 0 <= count <= len(pairs) + 1:
        raise InputError(
            f"{source} makes {len(pairs) + 2 * len(single) + 2:,} tokens, and the model has "
            f"{size:,}: give the vocabulary file that it was trained with."
        )
    joined = [first + second for first, second in pairs[:count]]
    joined += [""] * (count - len(joined))
    tokens = [*single, *(letter + END_OF_WORD for letter in single), *joined, START, END]
    return {token: index for index, token in enumerate(tokens)}


def byte_pair_definition(
    tokens: dict[str, int],
    pairs: Sequence[tuple[str, str]],
    source: str,
    straight_quotes: bool = False,
) -> str:
    """What a ``tokenizer.json`` of a CLIP would hold.

    Args:
        tokens: ``{token: index}``.
        pairs: which tokens are joined, in order; those whose result is no token are left out.
        source: the file of the pairs, for messages.
        straight_quotes: make straight ones of quotation marks, as OpenAI's cleaning does.

    Raises:
        InputError: when tokens and pairs do not belong together.
    """
    lib = library()
    known = [pair for pair in pairs if "".join(pair) in tokens]
    lost = next((part for pair in known for part in pair if part not in tokens), None)
    if lost is not None or END not in tokens:
        raise InputError(
            f"{source} joins what is no token of the model, {END if lost is None else lost!r}: "
            "give the tokens and the pairs that belong together."
        )
    tokenizer = lib.Tokenizer(
        lib.models.BPE(tokens, known, unk_token=END, end_of_word_suffix=END_OF_WORD)
    )
    normal = lib.normalizers
    quotes = [normal.Replace(lib.Regex(found), put) for found, put in _QUOTES]
    tokenizer.normalizer = normal.Sequence(
        [
            normal.NFC(),
            *(quotes if straight_quotes else ()),
            normal.Replace(lib.Regex(r"\s+"), " "),
            normal.Lowercase(),
        ]
    )
    split = lib.pre_tokenizers.Split(lib.Regex(_PIECES), behavior="removed", invert=True)
    bytes_shown = lib.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.pre_tokenizer = lib.pre_tokenizers.Sequence([split, bytes_shown])
    tokenizer.decoder = lib.decoders.Sequence(
        [lib.decoders.ByteLevel(), lib.decoders.Replace(END_OF_WORD, " ")]
    )
    tokenizer.add_special_tokens([token for token in (START, END) if token in tokens])
    return tokenizer.to_str()
