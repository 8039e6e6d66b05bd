"""Cutting sentences into words, under a name that goes with data sets and checkpoints.

``words`` is how Karpathy's splits are cut, ``treebank`` how the authors of VSE++ cut theirs,
``jieba`` cuts Chinese, which has no blanks between words. A model understands a query only when
it is cut as its training captions were.
"""

from __future__ import annotations

import difflib
import functools
import logging
import re
import warnings
from collections.abc import Callable, Iterable
from typing import Any

from vsepp.system.errors import InputError

AUTO = "auto"  # in place of a name: as the captions want it
_WORD = re.compile(r"[^\W_]+")
_IDEOGRAPH = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")


def words(sentence: str) -> list[str]:
    """Words of a sentence as the data sets' own tokens have them.

    Lower case, split at everything that is neither letter nor digit.

    >>> words("A man in a T-shirt, and a child's dog.")
    ['a', 'man', 'in', 'a', 't', 'shirt', 'and', 'a', 'child', 's', 'dog']
    """
    return _WORD.findall(sentence.lower())


# What is set off with blanks, in this order. The rules are those of the Penn Treebank for a line
# that is one sentence, with the typographic quotation marks that NLTK's word_tokenize adds.
_TREEBANK = [
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        # Quotation marks that open, while what stands before them is still there to be seen.
        (r"[«“‘„]|``|`", r" \g<0> "),
        (r"^\"", r"`` "),
        (r"(?<=[ (\[{<])(?:\"|'')", r" `` "),
        (r"(?<!\w)'(?!(?:re|ve|ll|[mtsdn])\b)(?=\w)", r"' "),  # 'word but not 's
        # Marks; inside a number a comma or colon is part of it, and a period is its own word only
        # where the line ends, before nothing but what closes.
        (r"(?<=[^.])\.(?=[\])}>\"'»”’ ]*$)", r" . "),
        (r"([:,])(\D|$)", r" \1 \2"),
        (r"\.{2,}", r" \g<0> "),
        (r"[;@#$%&?!*]", r" \g<0> "),
        (r"(?<=[^'])'(?= )", r" ' "),
        (r"[\[\](){}<>]|--", r" \g<0> "),
        # Quotation marks that close, and what hangs on a word by an apostrophe.
        (r"[»”’]", r" \g<0> "),
        (r"''|\"", r" '' "),
        (r"(?<=[^' ])'[smd]?(?= |$)", r" \g<0> "),
        (r"(?<=[^' ])(?:'ll|'re|'ve|n't)(?= |$)", r" \g<0> "),
        # Words that are written together.
        (r"\b(can)(not)\b", r" \1 \2 "),
        (r"\b(d(?='y)|more(?='n))('ye|'n)\b", r" \1 \2 "),
        (r"\b(gim|lem)(me)\b", r" \1 \2 "),
        (r"\b(gon(?=n)|got(?=t)|wan(?=na(?: |$)))(na|ta)\b", r" \1 \2 "),
        (r"(?<= )('t)(is|was)\b", r" \1 \2 "),
    )
]


def treebank(sentence: str) -> list[str]:
    """Words and marks of a sentence as the Penn Treebank has them, in lower case.

    Equals NLTK's ``word_tokenize`` of the lower-cased sentence, taken as one sentence.

    >>> treebank("The child's dog doesn't bark, at 3.5 m.")
    ['the', 'child', "'s", 'dog', 'does', "n't", 'bark', ',', 'at', '3.5', 'm', '.']
    """
    text = " ".join(sentence.lower().split())
    for pattern, replacement in _TREEBANK:
        text = pattern.sub(replacement, text)
    return text.split()


@functools.lru_cache(maxsize=None)
def _chinese_words() -> Any:
    """jieba's cutter: one of our own, so that nobody else's dictionary or cached file is in it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # jieba 0.42 was written for earlier Pythons
            import jieba
    except ImportError:
        raise InputError(
            "cutting Chinese into words needs jieba: run `pip install jieba`."
        ) from None
    jieba.setLogLevel(logging.ERROR)
    cutter = jieba.Tokenizer()
    cutter.FREQ, cutter.total = cutter.gen_pfdict(cutter.get_dict_file())
    cutter.initialized = True  # or it would read and write a file that all users share
    return cutter


def jieba(sentence: str) -> list[str]:
    """Words of a Chinese sentence, foreign ones in lower case, marks left out.

    Raises:
        InputError: when the package jieba is not installed.
    """
    return [word for word in _chinese_words().cut(sentence.lower()) if _WORD.search(word)]


TOKENIZERS = {"words": words, "treebank": treebank, "jieba": jieba}


def tokenizer_rules(name: str) -> dict[str, Any]:
    """What a tokenizer does, as data, for programs that go without this package.

    A sentence is lower-cased. Of ``jieba`` its words are cut by jieba; of ``treebank`` blanks
    become single ones, each of ``replace`` (a pattern and what is put for what it finds, as
    Python's ``re`` has them) is applied in turn, and it is split at blanks. Of the words, or in the
    sentence where nothing has cut it, those are kept that ``find`` finds.

    Args:
        name: one of ``TOKENIZERS``.
    """
    find_tokenizer(name)
    if name == "treebank":
        return {"replace": [[pattern.pattern, put] for pattern, put in _TREEBANK]}
    return {"find": _WORD.pattern}


def has_ideographs(text: str) -> bool:
    """Whether Chinese characters are among those of a text."""
    return bool(_IDEOGRAPH.search(text))


def find_tokenizer(name: str) -> Callable[[str], list[str]]:
    """The function from a sentence to its list of words that goes by a name.

    Args:
        name: one of ``TOKENIZERS``.

    Raises:
        InputError: for an unknown name, with the nearest.
    """
    if name not in tuple(TOKENIZERS):
        nearest = difflib.get_close_matches(str(name), TOKENIZERS, n=1, cutoff=0.0)[0]
        raise InputError(
            f"there is no tokenizer {name!r} (the nearest is {nearest}): use one of "
            f"{', '.join(TOKENIZERS)}."
        )
    return TOKENIZERS[name]


def detect_tokenizer(sentences: Iterable[str], otherwise: str = "words") -> str:
    """``jieba`` when most of what the sentences are written in is Chinese characters.

    Args:
        sentences: iterable of texts.
        otherwise: the name for all other sentences.
    """
    chinese = others = 0
    for sentence in sentences:
        if sentence.isascii():  # nearly all are, and they are many
            others += len(sentence) - sentence.count(" ")
            continue
        ideographs = len(_IDEOGRAPH.findall(sentence))
        chinese += ideographs
        others += sum(map(str.isalpha, sentence)) - ideographs
    return "jieba" if chinese > others else otherwise
