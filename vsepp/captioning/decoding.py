"""From a decoder's steps to sentences: greedy, beam search or sampling, many photographs at a time.

``options`` says what can be asked for, ``decoded`` what is answered.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vsepp.captioning.beam import beam_search
from vsepp.captioning.decoded import DecodedCaption
from vsepp.captioning.next_words import NextWords
from vsepp.captioning.options import Decoding
from vsepp.captioning.sampling import sample
from vsepp.models.decoders import DecoderStep
from vsepp.text.vocabulary import Vocabulary

_ROWS = 640  # sentences that are followed at a time, for their probabilities to stay small


def decode(
    step: DecoderStep,
    images: int,
    vocabulary: Vocabulary,
    decoding: Decoding | None = None,
    attention: bool = False,
    numbers: Sequence[int] | None = None,
) -> list[list[DecodedCaption]]:
    """Sentences for photographs.

    Each has at least one word, never ``<unk>``, and there is one for every photograph even where
    none comes to an end.

    Args:
        step: the decoder's, over the photographs' cells.
        images: how many photographs it was made with.
        vocabulary: the decoder's words.
        decoding: the options; by default a beam of 5.
        attention: keep where each word looked.
        numbers: of the photographs among all, where ``step`` has only some of them; sampling draws
            by them. By default 0, 1, 2 …

    Returns:
        For each photograph its captions: of a beam the best first, of sampling as they are drawn.

    Raises:
        InputError: when the decoder gives NaN, or knows no words.
    """
    decoding = decoding or Decoding()
    numbers = range(images) if numbers is None else numbers
    next_words = NextWords(step, vocabulary, decoding.block_ngram)
    at_once = max(1, _ROWS // (decoding.captions if decoding.sample else decoding.beam))
    found: list[list[DecodedCaption]] = []
    for first in range(0, images, at_once):
        part = np.arange(first, min(images, first + at_once))
        if decoding.sample:
            of_part = numbers[first : first + at_once]
            found.extend(sample(next_words, part, of_part, decoding, attention))
        else:
            found.extend(beam_search(next_words, part, decoding, attention))
    return found
