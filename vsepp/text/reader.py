"""From sentences, as people type them, to the indices that a text encoder takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from vsepp.system.errors import InputError
from vsepp.text.tokens import find_tokenizer
from vsepp.text.vocabulary import Vocabulary

_NAMED_AT_MOST = 10  # unknown words that nearest ones are looked for: it takes a while


class HasVocabulary(Protocol):
    """Such as a ``vsepp.data.dataset.CaptionDataset``."""

    vocabulary: Vocabulary


def check_indices(captions: Sequence[Sequence[int]], size: int) -> None:
    """InputError unless each caption is a list of at least one index below ``size``."""
    for place, caption in enumerate(captions):
        row = np.asarray(caption)
        if row.shape == (0,):
            raise InputError(f"caption {place} is empty: give at least one word of each.")
        if row.ndim != 1 or row.dtype.kind not in "iu":
            raise InputError(f"caption {place} is no list of whole numbers, but {caption!r}.")
        if row.min() < 0 or row.max() >= size:
            wrong = row.min() if row.min() < 0 else row.max()
            raise InputError(
                f"caption {place} holds the index {wrong}, outside the vocabulary's 0 to "
                f"{size - 1}: make it with the checkpoint's vocabulary."
            )


class WordReader:
    """Sentences as indices of a list of words.

    Args:
        vocabulary: the words.
        tokenizer: name of what cuts sentences as the training captions were cut, see
            ``vsepp.text.tokens``.

    Raises:
        InputError: for an unknown tokenizer.
    """

    def __init__(self, vocabulary: Vocabulary, tokenizer: str = "words"):
        self.vocabulary = vocabulary
        self.tokenizer = tokenizer
        self.words = find_tokenizer(tokenizer)

    @classmethod
    def from_contents(cls, contents: dict, source: str) -> WordReader:
        """The reader that :meth:`contents` described.

        Args:
            contents: dictionary with ``vocab`` and, unless it is ``words``, ``tokenizer``.
            source: the file that it stood in, for messages.

        Raises:
            InputError: when something is missing or malformed.
        """
        if not isinstance(contents.get("vocab"), dict):
            raise InputError(f"{source} lacks 'vocab': the checkpoint is damaged; use another.")
        tokenizer = contents.get("tokenizer", "words")
        if not isinstance(tokenizer, str):
            raise InputError(
                f"{source} has a malformed 'tokenizer': the checkpoint is damaged; use another."
            )
        vocabulary = Vocabulary(contents["vocab"], source)
        try:
            return cls(vocabulary, tokenizer)
        except InputError as error:
            raise InputError(f"{source}: {error}") from None

    def contents(self) -> dict:
        """What a checkpoint holds of the reader."""
        return {"vocab": self.vocabulary.word_to_index, "tokenizer": self.tokenizer}

    def is_of(self, contents: dict) -> bool:
        """Whether a checkpoint's weights are for the indices of this reader.

        Args:
            contents: what the checkpoint holds, see :meth:`contents`.
        """
        return contents.get("vocab") == self.vocabulary.word_to_index

    def indices(self, sentences: Sequence[str]) -> list[list[int]]:
        """Each sentence as the indices of ``<start>``, its words, ``<end>``.

        Raises:
            InputError: for a sentence without a single known word.
        """
        return [self._indices(sentence) for sentence in sentences]

    def _indices(self, sentence: str) -> list[int]:
        words = self.words(sentence)
        if not any(word in self.vocabulary for word in words):
            raise InputError(
                f"none of the words of {sentence!r} is in the vocabulary: use "
                f"words that the training captions have{self._hint(words)}."
            )
        return self.vocabulary.encode(words)

    def check_indices(self, captions: Sequence[Sequence[int]]) -> None:
        """InputError unless each caption is a list of at least one index of the vocabulary."""
        check_indices(captions, len(self.vocabulary))

    def reads(self, dataset: HasVocabulary) -> bool:
        """Whether a prepared data set's captions stand there as indices of this reader."""
        return dataset.vocabulary.word_to_index == self.vocabulary.word_to_index

    def read_anew(self, sentences: list[str]) -> tuple[list[list[int]], float]:
        """Captions of another data set, from how they were written.

        Returns:
            (indices, share of their words that the vocabulary lacks)
        """
        cut = [self.words(sentence) for sentence in sentences]
        words = [word for caption in cut for word in caption]
        unknown = sum(word not in self.vocabulary for word in words) / max(1, len(words))
        return [self.vocabulary.encode(caption) for caption in cut], unknown

    def decode(self, indices: list[int]) -> str:
        """The sentence that indices stand for."""
        return self.vocabulary.decode(indices)

    # ---- which words are known, and what is said of the others --------------------------------

    def knows_some(self, text: str) -> bool:
        """Whether at least one word of a text is known."""
        return any(word in self.vocabulary for word in self.words(text))

    def knows_all(self, text: str) -> bool:
        """Whether a text has words, and all of them are known."""
        words = self.words(text)
        return bool(words) and all(word in self.vocabulary for word in words)

    def unknown_words(self, sentence: str) -> list[str]:
        """The words of a sentence that the vocabulary lacks, in order."""
        return [word for word in self.words(sentence) if word not in self.vocabulary]

    def nearest_words(self, word: str) -> list[str]:
        """The vocabulary's words that are spelled most like one it lacks: at most three."""
        return self.vocabulary.nearest(word.lower())

    def explain_unknown(self, sentence: str) -> str:
        """The words of a sentence that the vocabulary lacks, each with the nearest it has.

        Returns:
            a line such as ``not in the vocabulary, so not understood: dgo (dog, dogs)``; empty
            when every word is known.
        """
        named = []
        for place, word in enumerate(dict.fromkeys(self.unknown_words(sentence))):
            nearest = self.nearest_words(word) if place < _NAMED_AT_MOST else []
            named.append(f"{word} ({', '.join(nearest)})" if nearest else word)
        return f"not in the vocabulary, so not understood: {', '.join(named)}" if named else ""

    def _hint(self, words: Sequence[str]) -> str:
        few = list(dict.fromkeys(words))[:_NAMED_AT_MOST]
        nearest = dict.fromkeys(other for word in few for other in self.nearest_words(word))
        return f", such as {', '.join(nearest)}" if nearest else ""
