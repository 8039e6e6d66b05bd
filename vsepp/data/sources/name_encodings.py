"""File names whose encoding nobody wrote down: read as the captions have them.

Windows packs names in the encoding of its language, old macOS in UTF-8, and neither says so; a
.zip is then read as if it were American DOS. Which it was shows when the names are those of the
captions.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Callable, Optional

# In the order of preference where two fit equally well: what is UTF-8 hardly is so by chance.
ENCODINGS = {
    "utf-8": "UTF-8",
    "gb18030": "GB18030 (Chinese)",
    "cp932": "Shift JIS (Japanese)",
    "big5hkscs": "Big5 (Chinese, traditional)",
    "cp949": "EUC-KR (Korean)",
    "euc_jp": "EUC-JP (Japanese)",
    "cp437": "code page 437 (DOS)",
    "cp850": "code page 850 (DOS, Western European)",
    "cp1252": "code page 1252 (Western European)",
    "cp852": "code page 852 (DOS, Central European)",
    "cp1250": "code page 1250 (Central European)",
    "cp866": "code page 866 (DOS, Cyrillic)",
    "cp1251": "code page 1251 (Cyrillic)",
    "cp1253": "code page 1253 (Greek)",
    "cp1254": "code page 1254 (Turkish)",
    "cp874": "code page 874 (Thai)",
}


def plain_name(name: str) -> str:
    """A name with forward slashes, and without a dot for the folder that it is in."""
    name = name.replace("\\", "/")
    while name.startswith("./"):
        name = name[2:]
    return name


def in_encoding(data: bytes, encoding: str) -> Optional[str]:
    """The name that bytes are in an encoding; None when they are none. See ``plain_name``."""
    try:
        return plain_name(data.decode(encoding))
    except UnicodeDecodeError:
        return None


def usual_name(data: bytes) -> str:
    """What undeclared bytes are called while nothing is known of them: UTF-8, else DOS's."""
    return in_encoding(data, "utf-8") or plain_name(data.decode("cp437"))


def best_encoding(
    undeclared: Mapping[str, bytes], wanted: Collection[str], key: Callable[[str], str]
) -> Optional[str]:
    """The encoding in which most of the names are wanted ones; None when none is in any.

    Args:
        undeclared: ``{name: its bytes}``.
        wanted: keys of the names that are looked for.
        key: from a name to its key.
    """
    best, most = None, 0
    for encoding in ENCODINGS:
        names = (in_encoding(data, encoding) for data in undeclared.values())
        hits = sum(name is not None and key(name) in wanted for name in names)
        if hits > most:
            best, most = encoding, hits
        if most == len(undeclared):
            break
    return best


def names_in(undeclared: Mapping[str, bytes], encoding: str) -> dict[str, str]:
    """``{name as it is listed: name in the encoding}``, of those that can be read in it."""
    read = {name: in_encoding(data, encoding) for name, data in undeclared.items()}
    return {name: better for name, better in read.items() if better is not None}
