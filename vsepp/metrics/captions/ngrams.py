"""Runs of words, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

LONGEST = 4  # words; of BLEU and CIDEr alike


def count_ngrams(words: Sequence[str], longest: int = LONGEST) -> list[Counter]:
    """How often each run of 1, 2, … ``longest`` words occurs: one counter per length.

    >>> count_ngrams(["a", "dog", "a"], longest=2)
    [Counter({('a',): 2, ('dog',): 1}), Counter({('a', 'dog'): 1, ('dog', 'a'): 1})]
    """
    return [Counter(zip(*(words[start:] for start in range(n)))) for n in range(1, longest + 1)]
