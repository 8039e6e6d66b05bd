"""Rows of an embedding carried over from one vocabulary to another, word by word."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from vsepp.text.vocabulary import SPECIAL_WORDS, Vocabulary


class CarriedWords(NamedTuple):
    """How many words, the special ones not counted, have their old row, have none, or lost it."""

    kept: int
    new: int
    dropped: int

    @classmethod
    def between(cls, theirs: Vocabulary, ours: Vocabulary) -> CarriedWords:
        old, now = (set(each.words) - set(SPECIAL_WORDS) for each in (theirs, ours))
        return cls(len(old & now), len(now - old), len(old - now))


def carry_rows(
    rows: np.ndarray, fresh: np.ndarray, theirs: Vocabulary, ours: Vocabulary
) -> np.ndarray:
    """The rows of a vocabulary, known words from another's.

    Args:
        rows: ``[len(theirs), size]``.
        fresh: ``[len(ours), size]``, what a word begins with that the other does not have.

    Returns:
        ``[len(ours), size]``
    """
    result = fresh.copy()
    known = [word for word in ours.words if word in theirs]
    places, sources = ([each.word_to_index[word] for word in known] for each in (ours, theirs))
    result[places] = rows[sources]
    return result
