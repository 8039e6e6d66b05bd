"""What may follow the words so far, and how likely it is."""

from __future__ import annotations

import numpy as np

from vsepp.metrics.top_k import top_k
from vsepp.models.decoders import DecoderStep
from vsepp.system.errors import InputError
from vsepp.text.vocabulary import END, PAD, SPECIAL_WORDS, START, UNK, Vocabulary

# What a network calls impossible stays possible, so that only bans are -inf: where nothing else is
# left there is still a sentence. Sums of many of these keep their digits in float64.
LEAST = -1e4


class NotFinite(InputError):
    """A captioner gives NaN for probabilities."""


class NextWords:
    """A decoder's step, without the words that may not follow.

    ``<pad>``, ``<start>`` and ``<unk>`` never do, ``<end>`` not before the first word. From then
    on it always may.

    Args:
        step: the decoder's.
        vocabulary: the decoder's words.
        block_ngram: see ``Decoding``.

    Attributes:
        starts: float32 ``[images, state_size]``, the states before the first word.
        end: index of ``<end>``.

    Raises:
        InputError: when the vocabulary has no words.
    """

    def __init__(self, step: DecoderStep, vocabulary: Vocabulary, block_ngram: int = 0) -> None:
        if len(vocabulary) == len(SPECIAL_WORDS):
            raise InputError(
                "the captioner's vocabulary has no words: train it on captions that repeat some "
                "(or prepare them with a lower min_word_count)."
            )
        self._step = step
        self.starts = step.start()
        self.end = vocabulary.word_to_index[END]
        self._start = vocabulary.word_to_index[START]
        self._never = [vocabulary.word_to_index[word] for word in (PAD, START, UNK)]
        self._block_ngram = block_ngram

    def after(
        self, words: np.ndarray, states: np.ndarray, images: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What follows each row of words.

        Args:
            words: int64 ``[rows, words so far]``.
            states, images: see :class:`DecoderStep`.

        Returns:
            As a step: log probabilities (-inf for what may not follow), states, attention.

        Raises:
            NotFinite: when the decoder gives NaN.
        """
        rows, length = words.shape
        last = words[:, -1] if length else np.full(rows, self._start)
        log_probs, states, attention = self._step(last, states, images)
        if np.isnan(log_probs.max()):
            raise NotFinite(
                "the captioner gives NaN for probabilities: its training has diverged, or its "
                "input is damaged; use another checkpoint, or train with a lower learning_rate."
            )
        np.clip(log_probs, LEAST, 0, out=log_probs)
        log_probs[:, self._never] = -np.inf
        if not length:
            log_probs[:, self.end] = -np.inf
        if self._block_ngram:
            log_probs[repeating(words, self._block_ngram)] = -np.inf
        return log_probs, states, attention


def repeating(words: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The words that would complete a sequence of ``n`` words for the second time.

    Args:
        words: ``[rows, words so far]``.
        n: at least 1.

    Returns:
        Rows and words, int64 each; some perhaps more than once.

    >>> repeating(np.array([[5, 6, 7, 5, 6], [5, 6, 7, 8, 9]]), 3)
    (array([0]), array([7]))
    """
    places = max(0, words.shape[1] - n + 1)  # where such a sequence begins
    context = words[:, words.shape[1] - n + 1 :]
    alike = np.ones((len(words), places), bool)
    for offset in range(n - 1 if places else 0):
        alike &= words[:, offset : offset + places] == context[:, offset, None]
    rows, begins = np.nonzero(alike)
    return rows, words[rows, begins + n - 1]


def top_k_of_rows(values: np.ndarray, k: int) -> np.ndarray:
    """Columns int64 ``[rows, min(k, columns)]`` of the highest of each row, best first; of equals
    the earlier ones.

    Args:
        values: ``[rows, columns]``.
        k: at least 1.
    """
    columns = values.shape[1]
    if k >= columns:
        return np.argsort(-values, axis=1, kind="stable")
    found = np.argpartition(values, columns - k, axis=1)[:, columns - k :]
    lowest = np.take_along_axis(values, found, 1).min(1)
    # Which of several equals of the lowest rank a partition takes is chance.
    for row in np.nonzero(np.count_nonzero(values >= lowest[:, None], axis=1) > k)[0]:
        found[row] = top_k(values[row], k)
    found.sort(axis=1)
    order = np.argsort(-np.take_along_axis(values, found, 1), axis=1, kind="stable")
    return np.take_along_axis(found, order, 1)
