"""Sampling: sentences drawn word by word from a captioner's probabilities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vsepp.captioning.decoded import DecodedCaption
from vsepp.captioning.next_words import NextWords, top_k_of_rows
from vsepp.captioning.options import Decoding


def sample(
    next_words: NextWords,
    images: np.ndarray,
    numbers: Sequence[int],
    decoding: Decoding,
    attention: bool = False,
) -> list[list[DecodedCaption]]:
    """Sentences of each photograph, in the order they are drawn.

    Args:
        next_words: the captioner's.
        images: int64 ``[n]``, the photographs, as the captioner's step knows them.
        numbers: a number for each photograph. Draws depend on it, on the seed and on which of the
            photograph's samples it is, and on nothing else: not on what else is in the batch, nor
            on how many samples there are.
        decoding: the options.
        attention: keep where each word looked.

    Returns:
        ``captions`` of each photograph, equal ones among them. ``log_probability`` is the
        captioner's, whatever the temperature.
    """
    count, longest = decoding.captions, decoding.longest
    draws = np.stack(
        [
            np.random.default_rng((decoding.seed, number, place)).random(longest)
            for number in numbers
            for place in range(count)
        ]
    )
    total_rows = len(draws)
    words = np.zeros((total_rows, longest), np.int64)
    lengths = np.full(total_rows, longest)
    totals = np.zeros(total_rows)
    looked: list[np.ndarray] = []  # of each word, [rows, cells]

    image_of = np.repeat(images, count)
    states = next_words.starts[image_of]
    at_work = np.arange(total_rows)
    ended = np.zeros(total_rows, bool)
    for place in range(longest):
        log_probs, states, look = next_words.after(
            words[at_work, :place], states, image_of[at_work]
        )
        chosen = draw(log_probs, draws[at_work, place], decoding)
        totals[at_work] += log_probs[np.arange(len(chosen)), chosen]
        words[at_work, place] = chosen
        if attention:
            looked.append(np.zeros((total_rows, look.shape[1]), np.float32))
            looked[-1][at_work] = look
        done = chosen == next_words.end
        ended[at_work[done]] = True
        lengths[at_work[done]] = place
        at_work, states = at_work[~done], states[~done]
        if not len(at_work):
            break
    captions = [
        DecodedCaption(
            tuple(words[row, : lengths[row]].tolist()),
            float(totals[row]),
            decoding.score(float(totals[row]), int(lengths[row])),
            bool(ended[row]),
            np.stack([look[row] for look in looked[: lengths[row]]]) if attention else None,
        )
        for row in range(total_rows)
    ]
    return [captions[first : first + count] for first in range(0, total_rows, count)]


def draw(log_probs: np.ndarray, draws: np.ndarray, decoding: Decoding) -> np.ndarray:
    """A word for each row, int64 ``[rows]``.

    Args:
        log_probs: float ``[rows, words]``; -inf is never drawn.
        draws: float64 ``[rows]``, evenly spread from 0 to 1, without 1.
        decoding: temperature, then top_k, then top_p.
    """
    logits = log_probs
    if decoding.temperature != 1:
        # What is least stays 0 whatever it is divided by; in float64, which holds any temperature.
        with np.errstate(over="ignore"):
            below_best = (log_probs - log_probs.max(1, keepdims=True)).astype(np.float64)
            logits = below_best / decoding.temperature
    if decoding.top_k:
        order = top_k_of_rows(logits, decoding.top_k)
        logits = np.take_along_axis(logits, order, 1)
    shares = _shares(logits)
    if decoding.top_p < 1:
        # Words below this share do not make up 1 - top_p together, so none of them is needed.
        needed = int(np.count_nonzero(shares >= (1 - decoding.top_p) / shares.shape[1], 1).max())
        best = top_k_of_rows(shares, max(1, needed))
        shares = np.take_along_axis(shares, best, 1)
        before = np.cumsum(shares, axis=1) - shares
        shares[before >= decoding.top_p] = 0
        order = np.take_along_axis(order, best, 1) if decoding.top_k else best
    sums = np.cumsum(shares, axis=1)
    whole = sums[:, -1:]
    # A product that is rounded up to the whole would be past the last word that has a share.
    last = np.count_nonzero(sums < whole, axis=1)
    chosen = np.minimum(np.count_nonzero(sums <= draws[:, None] * whole, axis=1), last)
    if decoding.top_k or decoding.top_p < 1:
        return order[np.arange(len(chosen)), chosen]
    return chosen


def _shares(logits: np.ndarray) -> np.ndarray:
    """float64: the softmax of each row."""
    exponentials = np.exp((logits - logits.max(1, keepdims=True)).astype(np.float64))
    return exponentials / exponentials.sum(1, keepdims=True)
