"""What a training step leaves out of captions: words, numbers of their embeddings and states."""

from __future__ import annotations

from typing import NamedTuple, Tuple

import paddle

from vsepp.config import Config
from vsepp.models.dropout import kept_numbers
from vsepp.text.vocabulary import END, PAD, START, UNK, Vocabulary


class TextDropout(NamedTuple):
    """Shares that are left out in training mode; what is 0 draws no random number.

    Attributes:
        words: of whole words. One that is left out is read as ``<unk>``, which is what an encoder
            meets in the place of a word it does not know. The marks of a caption stay.
        embeddings: of the numbers of the words' embeddings.
        outputs: of the numbers of the words' states before they are pooled, or of the last state.
        unknown: index of ``<unk>``.
        marks: indices of ``<pad>``, ``<start>`` and ``<end>``.
    """

    words: float = 0.0
    embeddings: float = 0.0
    outputs: float = 0.0
    unknown: int = 0
    marks: Tuple[int, ...] = ()

    @classmethod
    def configured(cls, config: Config, vocabulary: Vocabulary) -> TextDropout:
        """What a configuration says, over the words of a vocabulary."""
        number = vocabulary.word_to_index
        return cls(
            config.word_dropout,
            config.embedding_dropout,
            config.output_dropout,
            number[UNK],
            (number[PAD], number[START], number[END]),
        )

    def of_words(self, captions: paddle.Tensor) -> paddle.Tensor:
        """int64 ``[batch, time]`` with ``<unk>`` in the place of the words that are left out."""
        if not self.words:
            return captions
        left_out = paddle.to_tensor(~kept_numbers(captions.shape, self.words))
        for mark in self.marks:
            left_out = paddle.logical_and(left_out, captions != mark)
        return paddle.where(left_out, paddle.full_like(captions, self.unknown), captions)
