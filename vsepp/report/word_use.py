"""Which words a captioner uses, beside those of people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple


class WordUse(NamedTuple):
    """How often a word stands in captions.

    Attributes:
        word: as the scores count it.
        made, real: percent of the made and of people's captions that have it.
    """

    word: str
    made: float
    real: float


class WordsUsed:
    """The words of two sets of captions, none of them empty.

    Args:
        made, real: sentences of a captioner, and of people.
        cut: from a sentence to its words, as the scores count them.

    Attributes:
        made_lengths, real_lengths: words of each caption.
        repeated: (sentence, how often) of the made ones that were made more than once, the
            commonest first; sentences are the same when their words are.
    """

    def __init__(
        self, made: Sequence[str], real: Sequence[str], cut: Callable[[str], Sequence[str]]
    ) -> None:
        made_words, real_words = ([tuple(cut(each)) for each in of] for of in (made, real))
        self.made_lengths = list(map(len, made_words))
        self.real_lengths = list(map(len, real_words))
        written = dict(zip(made_words, made))
        times = Counter(made_words).most_common()
        self.repeated = [(written[key], number) for key, number in times if number > 1]
        self._made, self._real = _shares(made_words), _shares(real_words)

    @property
    def counts(self) -> tuple[int, int, int]:
        """(different words of the made captions, of people's, of these the ones never made)"""
        return len(self._made), len(self._real), len(self._real.keys() - self._made.keys())

    def most_used(self, count: int) -> list[WordUse]:
        """The words that most made captions have, as a list of :class:`WordUse`."""
        return self._first(self._made, lambda use: use.made, count)

    def used_more(self, count: int) -> list[WordUse]:
        """The words that the captioner uses most beyond people's use."""
        over = (word for word, share in self._made.items() if share > self._real.get(word, 0))
        return self._first(over, lambda use: use.made - use.real, count)

    def never_used(self, count: int) -> list[WordUse]:
        """The words of most of people's captions that the captioner never uses."""
        return self._first(self._real.keys() - self._made.keys(), lambda use: use.real, count)

    def _first(
        self, words: Iterable[str], key: Callable[[WordUse], float], count: int
    ) -> list[WordUse]:
        uses = [
            WordUse(word, self._made.get(word, 0.0), self._real.get(word, 0.0)) for word in words
        ]
        return sorted(uses, key=lambda use: (-key(use), use.word))[:count]


def _shares(captions: Sequence[Sequence[str]]) -> dict[str, float]:
    """``{word: percent of the captions that have it}``"""
    found = Counter(word for words in captions for word in set(words))
    return {word: 100 * number / len(captions) for word, number in found.items()}
