"""Caption decoders by name, and what a search asks of one. No Paddle here.

A decoder is a network that reads the cells of a photograph and the words before a word, and says
which word comes next. A new one is one file below ``caption_decoders/``, and one line here.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Protocol

import numpy as np

from vsepp.system.errors import InputError
from vsepp.system.lazy import at_place

if TYPE_CHECKING:
    from vsepp.models.caption_decoders.word_decoder import WordDecoder

#: ``caption_model`` → module and class
CAPTION_DECODERS = {
    "attention": "vsepp.models.caption_decoders.attention:AttentionDecoder",
    "addnorm": "vsepp.models.caption_decoders.addnorm:AddNormDecoder",
}
#: key of the configuration that counts for one decoder alone → its name
OWN_KEYS = {"attention_size": "attention", "heads": "addnorm"}
#: keys that say which weights a captioner has
SHAPING_KEYS = ("cell_size", *OWN_KEYS, "decoder_size", "initial_state", "max_words")


class DecoderStep(Protocol):
    """One word after another over the cells of some images, in NumPy: what a search drives."""

    def start(self) -> np.ndarray:
        """The states that ``<start>`` is read in: float32 ``[images, state_size]``."""

    def __call__(
        self, words: np.ndarray, states: np.ndarray, images: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Read a word in each of some unfinished captions.

        Args:
            words: int64 ``[rows]``.
            states: float32 ``[rows, state_size]``, from before the word.
            images: int64 ``[rows]``, which image's cells a row looks at.

        Returns:
            (log-probabilities of the next word, float32 ``[rows, vocab_size]``; states after the
            word, float32 ``[rows, state_size]``; how much each cell was looked at, float32
            ``[rows, cells]``)
        """


def find_caption_decoder(name: str) -> type[WordDecoder]:
    """The class that goes by a name of ``caption_model``; InputError for an unknown one."""
    if name not in tuple(CAPTION_DECODERS):
        nearest = difflib.get_close_matches(str(name), CAPTION_DECODERS, n=1, cutoff=0.0)[0]
        raise InputError(
            f"caption_model: there is no decoder {name!r}; the nearest is {nearest!r}, and all "
            f"are {', '.join(CAPTION_DECODERS)}."
        )
    return at_place(CAPTION_DECODERS[name])
