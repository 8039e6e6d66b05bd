"""ROUGE-L (Lin, 2004) as image captions are scored: by the longest common subsequence of words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

BETA = 1.2  # weight of recall
_MANY = 1000  # words from which on a column's length shows


def common_subsequence(words: Sequence[str], others: Iterable[Sequence[str]]) -> list[int]:
    """Length of the longest common subsequence with each of ``others``.

    A column of the usual table is one whole number (Hyyrö, 2004): bit i is 0 where the length
    grows at word i.

    >>> common_subsequence("a dog runs".split(), ["a brown dog".split(), "cats".split()])
    [2, 0]
    """
    others = list(others)
    if len(words) > _MANY and all(len(other) < len(words) for other in others):
        return [common_subsequence(other, [words])[0] for other in others]
    places: dict[str, int] = {}
    for place, word in enumerate(words):
        places[word] = places.get(word, 0) | 1 << place
    every = (1 << len(words)) - 1
    lengths = []
    for other in others:
        column = every
        for word in other:
            same = column & places.get(word, 0)
            column = ((column + same) | (column - same)) & every
        lengths.append(len(words) - bin(column).count("1"))
    return lengths


def rouge_l(candidate: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """F-measure, from 0 to 1, of the best precision and the best recall over the references.

    Args:
        candidate, references: as words; what has none scores 0.
    """
    common = common_subsequence(candidate, references)
    if not any(common):
        return 0.0
    precision = max(common) / len(candidate)
    recall = max(
        length / len(reference) for length, reference in zip(common, references) if reference
    )
    return (1 + BETA**2) * precision * recall / (recall + BETA**2 * precision)
