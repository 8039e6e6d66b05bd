"""Rows of an embedding: carried over from one vocabulary to another, or of a file of vectors."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import paddle

from vsepp.text.vocabulary import SPECIAL_WORDS, Vocabulary
from vsepp.text.word_vectors import read_word_vectors


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
    rows: np.ndarray, fresh: np.ndarray, theirs: Vocabulary, ours: Vocabulary, axis: int = 0
) -> np.ndarray:
    """The rows of a vocabulary, known words from another's.

    Args:
        rows: ``[len(theirs), size]``, or another array with a word for each place of ``axis``.
        fresh: ``[len(ours), size]``, what a word begins with that the other does not have.

    Returns:
        ``[len(ours), size]``
    """
    result = fresh.copy()
    known = [word for word in ours.words if word in theirs]
    places, sources = ([each.word_to_index[word] for word in known] for each in (ours, theirs))
    np.moveaxis(result, axis, 0)[places] = np.moveaxis(rows, axis, 0)[sources]
    return result


def begin_with_vectors(weight: paddle.Tensor, vocabulary: Vocabulary, path: str) -> str:
    """Let the words that a file has vectors of begin with them.

    Args:
        weight: of an embedding, ``[len(vocabulary), word_dim]``; shorter vectors take its first
            numbers.
        path: see ``vsepp.text.word_vectors``.

    Returns:
        how many words were found and which are missing, as a line

    Raises:
        InputError: see :func:`vsepp.text.word_vectors.read_word_vectors`.
    """
    word_dim = weight.shape[1]
    vectors = read_word_vectors(path, vocabulary, word_dim)
    rows = weight.numpy().copy()
    rows[vectors.places, : vectors.size] = vectors.values
    weight.set_value(paddle.to_tensor(rows))
    return vectors.line(word_dim)
