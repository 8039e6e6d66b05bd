"""Corpus BLEU (Papineni, Roukos, Ward and Zhu, ACL 2002).

Precisions are of the whole corpus: a run of words counts as often as it stands in the candidate,
but no more often than in the one reference that has it most often. Reference lengths are each the
one closest to the candidate's, the shorter of two that are equally close; what the candidates
together fall short of them is the brevity penalty. Nothing is smoothed: without a single matching
run of n words BLEU-n is 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

PROTOCOL = "corpus BLEU with brevity penalty, closest reference"


def clipped_matches(
    candidate: Sequence[Counter], references: Iterable[Sequence[Counter]]
) -> list[int]:
    """Of the n-grams of each length, how many a reference has too.

    Args:
        candidate: its n-grams, see ``count_ngrams``.
        references: those of each.
    """
    references = list(references)
    return [
        sum(
            min(count, max(reference[place][ngram] for reference in references))
            for ngram, count in ngrams.items()
        )
        for place, ngrams in enumerate(candidate)
    ]


def closest_length(length: int, lengths: Iterable[int]) -> int:
    """The reference length closest to a candidate's, the shorter of two equally close.

    >>> closest_length(9, [4, 8, 10])
    8
    """
    return min(lengths, key=lambda other: (abs(other - length), other))


def brevity_penalty(words: np.ndarray, reference_words: np.ndarray) -> np.ndarray:
    """Factor from 0 (no candidate has a word) to 1 (candidates as long as references)."""
    words = np.asarray(words, float)
    short = np.asarray(reference_words) / np.maximum(words, 1)
    return np.where(words > 0, np.exp(np.minimum(0, 1 - short)), 0.0)


def bleu(matches: np.ndarray, totals: np.ndarray, reference_words: np.ndarray) -> np.ndarray:
    """BLEU-1, BLEU-2, … from sums over a corpus, from 0 to 1.

    Args:
        matches: ``[..., longest]``, of the n-grams of each length those that match.
        totals: ``[..., longest]``, all n-grams of the candidates.
        reference_words: ``[...]``, sum of the closest references' lengths.

    Returns:
        float64 ``[..., longest]``
    """
    with np.errstate(divide="ignore"):  # the logarithm of 0, whose exponential is 0 again
        logarithms = np.log(np.asarray(matches) / np.maximum(totals, 1))
    means = np.cumsum(logarithms, axis=-1) / np.arange(1, logarithms.shape[-1] + 1)
    penalty = brevity_penalty(np.asarray(totals)[..., 0], reference_words)
    return penalty[..., None] * np.exp(means)
