"""From a captioner's words to a sentence as people write it."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional, Tuple

import numpy as np

from vsepp.captioning.decoded import DecodedCaption
from vsepp.text.tokens import has_ideographs
from vsepp.text.vocabulary import Vocabulary

_TO_THE_LEFT = re.compile(r" (?=(?:[.,;:?!%)\]}]|'s|'re|'ve|'ll|'d|'m|n't|')(?: |$))")
_TO_THE_RIGHT = re.compile(r"(?<=[(\[{#$]) ")


@dataclass(frozen=True, eq=False)
class Sentence:
    """A sentence that was made for a photograph.

    Attributes:
        sentence: as people write it.
        words: as the captioner knows them, at least one.
        log_probability: see :class:`vsepp.captioning.decoded.DecodedCaption`.
        attention: where each word looked, float32 ``[words, rows, columns]``, each adding up to 1;
            None when not asked for.
    """

    sentence: str
    words: Tuple[str, ...]
    log_probability: float
    attention: Optional[np.ndarray] = None

    @classmethod
    def of(cls, caption: DecodedCaption, vocabulary: Vocabulary) -> Sentence:
        """What a captioner's indices say, over the cells of a square grid."""
        words = tuple(vocabulary.words[index] for index in caption.words)
        looked = caption.attention
        if looked is not None:
            looked = looked.reshape(len(words), math.isqrt(looked.shape[1]), -1)
        return cls(written(words), words, caption.log_probability, looked)


def written(words: Sequence[str]) -> str:
    """Words as a sentence: marks beside their words, no blank between Chinese words.

    >>> written(["a", "child", "'s", "dog", ",", "running", "."])
    "a child's dog, running."
    >>> written(["一只", "狗"])
    '一只狗'
    """
    pieces: list[str] = []
    for before, word in zip(("", *words), words):
        joined = not before or (has_ideographs(before[-1]) and has_ideographs(word[0]))
        pieces.append(word if joined else f" {word}")
    sentence = _TO_THE_LEFT.sub("", "".join(pieces))
    return _TO_THE_RIGHT.sub("", sentence.replace("`` ", '"').replace(" ''", '"'))
