"""The vocabulary of a data set: of its own words, or another's that is kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from vsepp.data.karpathy import KarpathyImage
from vsepp.text.vocabulary import SPECIAL_WORDS, UNK, Vocabulary


@dataclass(frozen=True)
class KeptVocabulary:
    """Another's vocabulary that a data set is prepared with, instead of one of its own words.

    Attributes:
        words: the vocabulary; its indices stay.
        new_words: append the data set's own words that occur often enough outside test.
        source: the file it came from, for what is printed.
    """

    words: Vocabulary
    new_words: bool = False
    source: str = "the vocabulary given"

    def options(self) -> dict:
        """What ``prepared.json`` keeps of it among the options."""
        return {"vocabulary_sha256": self.words.sha256, "new_words": self.new_words}


def build_vocabulary(
    images: Iterable[KarpathyImage], min_word_count: int, kept: KeptVocabulary | None = None
) -> Vocabulary:
    """The vocabulary of the ``KarpathyImage`` of every split but test, or the one that is kept.

    What is done with words that a kept vocabulary lacks is printed.
    """
    captions = [caption for image in images if image.split != "test" for caption in image.captions]
    if kept is None:
        vocabulary = Vocabulary.build(captions, min_word_count)
        if len(vocabulary) == len(SPECIAL_WORDS):
            print(
                f"no word occurs more than {min_word_count} times outside the test split, so that "
                "every word is unknown: prepare again with --min-word-count 0 --force"
            )
        return vocabulary
    words = dict.fromkeys(word for caption in captions for word in caption)
    missing = [word for word in words if word not in kept.words]
    vocabulary = kept.words
    if kept.new_words:
        vocabulary = kept.words.grown(captions, min_word_count)
    appended = len(vocabulary) - len(kept.words)
    unknown = len(missing) - appended
    said = (
        f"of {len(words):,} different words outside the test split {len(missing):,} are not in "
        f"{kept.source}"
    )
    if kept.new_words:
        said += f": {appended:,} occur more than {min_word_count} times and are appended"
    if unknown:
        said += f"{',' if kept.new_words else ':'} {unknown:,} become {UNK}"
    print(said)
    return vocabulary
