"""Words and their indices: building, saving, and turning sentences into indices."""

from __future__ import annotations

import difflib
import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from vsepp.system.atomic import write_json
from vsepp.system.errors import InputError
from vsepp.system.invocation import command
from vsepp.system.json_files import read_json
from vsepp.text.tokens import words as tokenize  # noqa: F401 - the name it goes by in notebooks

PAD, UNK, START, END = "<pad>", "<unk>", "<start>", "<end>"
SPECIAL_WORDS = (PAD, UNK, START, END)
_ALIKE = 0.7  # of 1: how much of two words must agree for one to be a guess at the other


def _frequent(captions: Iterable[Sequence[str]], min_word_count: int) -> list[str]:
    """The words that occur more often than this, in order of first appearance."""
    counts: Counter[str] = Counter()
    for words in captions:
        counts.update(words)
    return [
        word
        for word, count in counts.items()
        if count > min_word_count and word not in SPECIAL_WORDS
    ]


class Vocabulary:
    """A mapping from words to indices ``0 … len - 1``, ``<pad>`` being 0.

    Args:
        word_to_index: dictionary ``{word: index}`` with the four special words.
        source: where it came from, for messages.

    Raises:
        InputError: when special words are missing or indices are not ``0 … len - 1``.
    """

    def __init__(self, word_to_index: Mapping[str, int], source: str = "the vocabulary") -> None:
        mend = f"make it anew with `{command('prepare')} --force`"
        if not isinstance(word_to_index, dict):
            raise InputError(f"{source} is not a {{word: index}} mapping: {mend}.")
        missing = [word for word in SPECIAL_WORDS if word not in word_to_index]
        if missing:
            raise InputError(f"{source} lacks {', '.join(missing)}: {mend}.")
        indices = list(word_to_index.values())
        whole = all(isinstance(index, int) and not isinstance(index, bool) for index in indices)
        if not whole or sorted(indices) != list(range(len(indices))) or word_to_index[PAD] != 0:
            raise InputError(
                f"{source}: the indices must be 0 to {len(indices) - 1}, each once, "
                f"with {PAD} at 0: {mend}."
            )
        self.word_to_index = dict(word_to_index)
        self.words = sorted(word_to_index, key=word_to_index.__getitem__)

    @classmethod
    def build(cls, captions: Iterable[Sequence[str]], min_word_count: int) -> Vocabulary:
        """The vocabulary of tokenised captions.

        Args:
            captions: iterable of lists of words, in the order that decides the indices.
            min_word_count: a word is kept when it occurs more often than this.
        """
        ordered = [PAD, *_frequent(captions, min_word_count), UNK, START, END]
        return cls({word: index for index, word in enumerate(ordered)})

    def grown(self, captions: Iterable[Sequence[str]], min_word_count: int) -> Vocabulary:
        """This vocabulary, every index as it is, with the words of further captions after its
        last; the arguments are those of :meth:`build`."""
        new = [word for word in _frequent(captions, min_word_count) if word not in self]
        numbers = {word: index for index, word in enumerate(new, start=len(self))}
        return Vocabulary({**self.word_to_index, **numbers})

    def commonest(self, captions: Iterable[Sequence[int]], count: int) -> Vocabulary:
        """The words that occur most often, in the order they have here.

        Args:
            captions: lists of indices.
            count: words that are kept, the special ones besides. Of words that occur equally
                often, those that come earlier here.
        """
        seen = Counter(index for caption in captions for index in caption)
        words = [index for index, word in enumerate(self.words) if word not in SPECIAL_WORDS]
        kept = sorted(sorted(words, key=lambda index: (-seen[index], index))[:count])
        ordered = [PAD, *(self.words[index] for index in kept), UNK, START, END]
        return Vocabulary({word: index for index, word in enumerate(ordered)})

    @classmethod
    def load(cls, path: str | os.PathLike) -> Vocabulary:
        """Read ``vocab.json``; InputError when it is missing or malformed."""
        return cls(read_json(path, f"run `{command('prepare')}` first"), str(path))

    def save(self, path: str | os.PathLike) -> None:
        """Write ``vocab.json`` atomically."""
        write_json(path, self.word_to_index)

    @property
    def sha256(self) -> str:
        """Checksum of the words and their indices, wherever they are stored."""
        return hashlib.sha256("\n".join(self.words).encode()).hexdigest()

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self.word_to_index

    def nearest(self, word: str, count: int = 3) -> list[str]:
        """The words spelled most like one that is missing, best first: at most ``count``.

        Of words that are equally like it, those that appear earlier in the captions.
        """
        known = [other for other in self.words if other not in SPECIAL_WORDS]
        alike = difflib.get_close_matches(word, known, n=max(1, len(known)), cutoff=_ALIKE)
        ratio = {other: difflib.SequenceMatcher(None, other, word).ratio() for other in alike}
        return sorted(alike, key=lambda other: (-ratio[other], self.word_to_index[other]))[:count]

    def encode(self, words: Iterable[str]) -> list[int]:
        """Indices of ``<start>``, the words, ``<end>``; unknown words become ``<unk>``."""
        unknown = self.word_to_index[UNK]
        indices = [self.word_to_index.get(word, unknown) for word in words]
        return [self.word_to_index[START], *indices, self.word_to_index[END]]

    def decode(self, indices: Iterable[int]) -> str:
        """The words at ``indices`` without padding and start and end marks, as a sentence."""
        return " ".join(
            self.words[index] for index in indices if self.words[index] not in (PAD, START, END)
        )
