"""From sentences to the tokens of a pretrained text encoder: pieces of words, as it learnt them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Optional

from vsepp.system.counts import counted
from vsepp.system.errors import InputError
from vsepp.system.records import wrong_field
from vsepp.text.reader import HasVocabulary, check_indices
from vsepp.text.tokenizer_definition import read_definition

_FIELDS = {"definition": str, "start": str, "end": str, "longest": int}
_CONTENTS = "subwords"  # where a checkpoint holds a reader


class SubwordReader:
    """Sentences as indices of a pretrained encoder's tokens.

    It has the methods of ``vsepp.text.reader.WordReader``, but no list of words: whatever its
    tokens can spell is known.

    Args:
        definition: what a ``tokenizer.json`` holds.
        start, end: the tokens that a sentence stands between.
        longest: tokens that the encoder can take, those two among them.
        unknown: the token that stands for what the others cannot spell; None where they spell all.
        mask: the token that stands for a word that is left out; None where there is none.
        source: the file that it came from, for messages.

    Attributes:
        size: rows that the encoder's table must have.
        start, end: indices of these tokens.
        unknown, mask: indices of these, or None.

    Raises:
        InputError: when it is no tokenizer, or lacks one of these tokens.
    """

    def __init__(
        self,
        definition: str,
        start: str,
        end: str,
        longest: int,
        unknown: Optional[str] = None,
        mask: Optional[str] = None,
        source: str = "the tokenizer",
    ) -> None:
        self.tokenizer = read_definition(definition, source)
        named = {"definition": definition, "start": start, "end": end, "longest": longest}
        self._contents = {**named, "unknown": unknown, "mask": mask}
        self.start, self.end = (self._index(token, source) for token in (start, end))
        self.unknown, self.mask = (
            None if token is None else self.tokenizer.token_to_id(token)
            for token in (unknown, mask)
        )
        if longest < 3:
            raise InputError(
                f"{source}: the encoder takes {longest} tokens, and a sentence has at least 3: "
                "its configuration is damaged; fetch it again."
            )
        self.longest = longest
        self.size = 1 + max(self.tokenizer.get_vocab(with_added_tokens=True).values())
        self._said = False

    def _index(self, token: str, source: str) -> int:
        index = self.tokenizer.token_to_id(token)
        if index is None:
            raise InputError(
                f"{source} lacks the token {token}: give the tokenizer that the weights came with."
            )
        return index

    @classmethod
    def from_contents(cls, contents: Mapping[str, Any], source: str) -> SubwordReader:
        """The reader that :meth:`contents` described.

        Args:
            contents: what a checkpoint holds.
            source: its file, for messages.

        Raises:
            InputError: when something is missing or malformed.
        """
        record: Any = contents.get(_CONTENTS)
        if wrong_field(record, _FIELDS):
            raise InputError(
                f"{source} lacks its tokenizer: the checkpoint is damaged; use another."
            )
        optional = {key: record.get(key) for key in ("unknown", "mask")}
        if not all(token is None or isinstance(token, str) for token in optional.values()):
            raise InputError(
                f"{source} has a malformed tokenizer: the checkpoint is damaged; use another."
            )
        return cls(**{key: record[key] for key in _FIELDS}, **optional, source=source)

    @property
    def definition(self) -> str:
        """What a ``tokenizer.json`` of it holds."""
        return str(self._contents["definition"])

    def contents(self) -> dict:
        """What a checkpoint holds of the reader."""
        return {_CONTENTS: self._contents}

    def is_of(self, contents: Mapping[str, Any]) -> bool:
        """Whether a checkpoint's weights are for the indices of this reader."""
        return contents.get(_CONTENTS) == self._contents

    def check_fits(self, rows: int, positions: int, source: str) -> None:
        """InputError where it is not the tokenizer of an encoder.

        Args:
            rows: of the encoder's table of tokens.
            positions: tokens of the longest sentence that it takes.
            source: the checkpoint of both, for messages.
        """
        if self.size > rows or self.longest > positions:
            raise InputError(
                f"{source}: its tokenizer is not that of its text encoder: the checkpoint is "
                "damaged; use another."
            )

    # ---- sentences -------------------------------------------------------------------------

    def indices(self, sentences: Sequence[str]) -> list[list[int]]:
        """Each sentence as the indices of its tokens between start and end.

        One that is longer than the encoder can take is cut; that is said once.

        Raises:
            InputError: for a sentence without a single known token.
        """
        rows = []
        for sentence in sentences:
            rows.append(self._tokens(sentence))
            if not self._known(rows[-1]):
                raise InputError(
                    f"the text encoder knows none of the characters of {sentence!r}: use words "
                    "of its language."
                )
        return self._framed(rows, repeat=False)

    def read_anew(self, sentences: Sequence[str]) -> tuple[list[list[int]], float]:
        """Captions of a data set, from how they were written; how many are cut is said.

        Returns:
            (indices, share of their tokens that stand for what is unknown)
        """
        rows = [self._tokens(sentence) for sentence in sentences]
        count = sum(map(len, rows))
        unknown = sum(row.count(self.unknown) for row in rows) if self.unknown is not None else 0
        return self._framed(rows, repeat=True), unknown / max(1, count)

    def _encoded(self, sentence: str) -> Any:
        plain = sentence.encode("utf-8", "replace").decode("utf-8")  # no halves of characters
        return self.tokenizer.encode(plain, add_special_tokens=False)

    def _tokens(self, sentence: str) -> list[int]:
        return self._encoded(sentence).ids

    def _known(self, tokens: Sequence[int]) -> bool:
        return any(token != self.unknown for token in tokens)

    def _framed(self, rows: Sequence[Sequence[int]], repeat: bool) -> list[list[int]]:
        room = self.longest - 2
        cut = sum(len(row) > room for row in rows)
        if cut and (repeat or not self._said):
            self._said = True
            print(
                f"{cut:,} of {counted(len(rows), 'sentence')} cut: the text encoder takes "
                f"{self.longest} tokens",
                file=sys.stderr,
            )
        return [[self.start, *row[:room], self.end] for row in rows]

    def check_indices(self, captions: Sequence[Sequence[int]]) -> None:
        """InputError unless each caption is a list of indices that the encoder can take."""
        check_indices(captions, self.size)
        longest = max(map(len, captions), default=0)
        if longest > self.longest:
            raise InputError(
                f"a caption has {longest} tokens, and the text encoder takes {self.longest}: cut "
                "it, as `tokenize` does."
            )

    def reads(self, dataset: HasVocabulary) -> bool:
        """Never: a prepared data set's captions stand there as indices of words."""
        return False

    def decode(self, indices: Sequence[int]) -> str:
        """The sentence that indices stand for."""
        return self.tokenizer.decode([int(index) for index in indices])

    # ---- which words are known, and what is said of the others ---------------------------------

    def knows_some(self, text: str) -> bool:
        """Whether at least one token of a text is known."""
        return self._known(self._tokens(text))

    def knows_all(self, text: str) -> bool:
        """Whether a text has tokens, and all of them are known."""
        tokens = self._tokens(text)
        return bool(tokens) and (self.unknown is None or self.unknown not in tokens)

    def unknown_words(self, sentence: str) -> list[str]:
        """The parts of a sentence that no tokens can spell, in order."""
        if self.unknown is None:
            return []
        encoded = self._encoded(sentence)
        return [
            sentence[start:end]
            for token, (start, end) in zip(encoded.ids, encoded.offsets)
            if token == self.unknown
        ]

    def nearest_words(self, word: str) -> list[str]:
        """None: there is no list of words to look in."""
        return []

    def explain_unknown(self, sentence: str) -> str:
        """The parts of a sentence that no tokens can spell, as a line; empty without any."""
        unknown = list(dict.fromkeys(self.unknown_words(sentence)))
        return (
            f"unknown to the text encoder, so not understood: {', '.join(unknown)}"
            if unknown
            else ""
        )
