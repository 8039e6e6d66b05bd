"""Captions that are cut already, each word with its part of speech: ``两个:m 年轻:a 男人:n``."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from typing import Optional

_SEPARATORS = ":/_"
_TAG = re.compile(r"[a-z]{1,3}|[A-Z]{1,4}\$?")  # PKU's, LTP's and jieba's; the Penn Treebank's
_LOOKED_AT = 200
PHRASE = "[/EN#"  # what the mark of a phrase in Flickr30k Entities begins with
_PHRASE = re.compile(r"\[/EN#\d+(?:/\w+)+ ([^\]]*)\]")
_WORD = re.compile(r"[^\W_]")
_CHINESE = re.compile("[\u3400-\u9fff]")


def tag_separator(captions: Iterable[str]) -> Optional[str]:
    """What stands between a word and its tag when nearly all captions are tagged, or None.

    >>> tag_separator(["两个:m 男人:n 。:w"]), tag_separator(["at 3:00 it is a/b"])
    (':', None)
    """
    looked_at = [text for text in itertools.islice(captions, _LOOKED_AT) if text.strip()]
    for separator in _SEPARATORS:
        tagged = [words for text in looked_at if (words := _words(text, separator))]
        # A caption of one word, black/white, is not the kind that is tagged.
        several = sum(len(words) > 1 for words in tagged)
        if several and 2 * several >= len(tagged) and 10 * len(tagged) >= 9 * len(looked_at):
            return separator
    return None


def without_tags(caption: str, separator: str) -> Optional[tuple[str, list[str]]]:
    """(the caption as a sentence, its words); None when it is not tagged through.

    Words are in lower case, and marks are none, as our tokenizers have it.

    >>> without_tags("两个:m 男人:n 。:w", ":")
    ('两个男人。', ['两个', '男人'])
    """
    words = _words(caption, separator)
    if words is None:
        return None
    between = "" if _CHINESE.search("".join(words)) else " "
    return between.join(words), [word.lower() for word in words if _WORD.search(word)]


def without_phrases(caption: str) -> str:
    """A caption without the marks of Flickr30k Entities around its phrases.

    >>> without_phrases("[/EN#1/people Two guys] with [/EN#2/bodyparts/other shaggy hair] .")
    'Two guys with shaggy hair .'
    """
    return _PHRASE.sub(r"\1", caption)


def _words(caption, separator):
    words = []
    for token in caption.split():
        word, found, tag = token.rpartition(separator)
        is_tag = _TAG.fullmatch(tag) if _WORD.search(word) else tag  # the Treebank's ./.
        if not (found and word and is_tag):
            return None
        words.append(word)
    return words or None
