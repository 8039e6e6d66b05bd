"""Decoders of captions by name: what one has to say of itself. No Paddle here."""

from __future__ import annotations

from typing import Protocol

import numpy as np


class DecoderStep(Protocol):
    """One step of a decoder's recurrence, over the cells of photographs that it was made with.

    What it hands out is the caller's, to be written into.
    """

    def start(self) -> np.ndarray:
        """float32 ``[images, state_size]``: the states before the first word."""

    def __call__(
        self, words: np.ndarray, states: np.ndarray, images: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What follows a word.

        Args:
            words: int64 ``[rows]``, the word before; ``<start>`` before the first.
            states: float32 ``[rows, state_size]``, as they were left by the word before it.
            images: int64 ``[rows]``, the photograph of each row.

        Returns:
            Logarithms of the probabilities of the words, float32 ``[rows, vocabulary]``; the
            states after the word, float32 ``[rows, state_size]``; and where it looked, float32
            ``[rows, cells]``.
        """
