"""Beam search: the sentences that a captioner finds likeliest, of many photographs at a time.

At each word the ``beam`` likeliest of all continuations are looked at. Those that end are done; the
``beam`` likeliest that do not are followed. A photograph's search ends when ``beam`` sentences have
ended, or at the longest length. Ended sentences go before cut ones, better scores before worse;
of equals the one that continues the better sentence, then the one with the smaller index.
"""

from __future__ import annotations

import numpy as np

from vsepp.captioning.decoded import DecodedCaption
from vsepp.captioning.next_words import NextWords, top_k_of_rows
from vsepp.captioning.options import Decoding


class _Followed:
    """The sentences that are followed: ``width`` for each of the photographs still at work.

    Attributes:
        images: int64 ``[images]``.
        totals: float64 ``[images, width]``, log probabilities, best first; -inf where there are
            fewer.
        words: int64 ``[images * width, words so far]``.
        states: float32 ``[images * width, state_size]``.
        attention: float32 ``[images * width, words so far, cells]``, or None.
    """

    def __init__(
        self,
        images: np.ndarray,
        totals: np.ndarray,
        words: np.ndarray,
        states: np.ndarray,
        attention: np.ndarray | None,
    ) -> None:
        self.images = images
        self.totals = totals
        self.words = words
        self.states = states
        self.attention = attention

    @property
    def rows(self) -> np.ndarray:
        """int64 ``[images, width]``: the row of each sentence."""
        return np.arange(self.totals.size).reshape(self.totals.shape)


def beam_search(
    next_words: NextWords, images: np.ndarray, decoding: Decoding, attention: bool = False
) -> list[list[DecodedCaption]]:
    """The best sentences of each photograph, best first.

    Args:
        next_words: the captioner's.
        images: int64 ``[n]``, the photographs, as the captioner's step knows them.
        decoding: the options.
        attention: keep where each word looked.

    Returns:
        Of each photograph at least one and at most ``captions``: fewer where there are no more.
    """
    ended: dict[int, list[DecodedCaption]] = {int(image): [] for image in images}
    cut: dict[int, list[DecodedCaption]] = {int(image): [] for image in images}
    followed = _Followed(
        images,
        np.zeros((len(images), 1)),
        np.empty((len(images), 0), np.int64),
        next_words.starts[images],
        None,
    )
    while len(followed.images):
        followed = _followed_further(next_words, followed, ended, decoding, attention)
        if followed.words.shape[1] == decoding.longest:
            for at, column in np.argwhere(np.isfinite(followed.totals)):
                cut[int(followed.images[at])].append(_cut(followed, at, column, decoding))
            break
    return [
        (_best_first(ended[image]) + _best_first(cut[image]))[: decoding.captions]
        for image in map(int, images)
    ]


def _followed_further(
    next_words: NextWords,
    followed: _Followed,
    ended: dict[int, list[DecodedCaption]],
    decoding: Decoding,
    attention: bool,
) -> _Followed:
    """One word further; the sentences that end with it are put with those that have ``ended``,
    and the photographs that are done are left out."""
    count, width = followed.totals.shape
    log_probs, states, looked = next_words.after(
        followed.words, followed.states, np.repeat(followed.images, width)
    )
    ends = log_probs[:, next_words.end].copy()
    log_probs[:, next_words.end] = -np.inf
    # The best of a photograph are among the best of each of its sentences.
    words = top_k_of_rows(log_probs, decoding.beam)
    added = np.concatenate([np.take_along_axis(log_probs, words, 1), ends[:, None]], 1)
    words = np.concatenate([words, np.full((len(words), 1), next_words.end)], 1)
    rows = np.repeat(followed.rows, words.shape[1], axis=1)
    words = words.reshape(count, -1)
    totals = np.repeat(followed.totals, words.shape[1] // width, axis=1)
    totals += added.reshape(count, -1)

    order = np.lexsort((words, rows, -totals))
    words, rows, totals = (np.take_along_axis(of, order, 1) for of in (words, rows, totals))
    is_end = words == next_words.end
    for at, rank in np.argwhere((is_end & np.isfinite(totals))[:, : decoding.beam]):
        row, total = rows[at, rank], float(totals[at, rank])
        ended[int(followed.images[at])].append(_caption(followed, row, total, decoding, True))

    width = min(decoding.beam, words.shape[1] - width)
    going_on = np.argsort(is_end, axis=1, kind="stable")[:, :width]
    words, rows, totals = (np.take_along_axis(of, going_on, 1) for of in (words, rows, totals))
    further = [
        at
        for at, (image, total) in enumerate(zip(followed.images, totals[:, 0]))
        if not _is_done(ended[int(image)], float(total), decoding)
    ]
    rows = rows[further].ravel()
    if attention:
        looked = looked[rows, None]
        if followed.attention is not None:
            looked = np.concatenate([followed.attention[rows], looked], 1)
    return _Followed(
        followed.images[further],
        totals[further],
        np.concatenate([followed.words[rows], words[further].reshape(-1, 1)], 1),
        states[rows],
        looked if attention else None,
    )


def _is_done(ended: list[DecodedCaption], best: float, decoding: Decoding) -> bool:
    """Whether a photograph's search is over.

    Args:
        ended: its sentences that have ended.
        best: log probability of the best sentence that is followed.
    """
    if len(ended) >= decoding.beam or best == -np.inf:
        return True
    if len(ended) < decoding.captions:
        return False
    # Each further word lowers a probability, and the penalty lifts none more than the last: where
    # even so no sentence can come among the best, searching on would change nothing.
    scores = sorted((caption.score for caption in ended), reverse=True)
    return decoding.score(best, decoding.longest) <= scores[decoding.captions - 1]


def _cut(followed: _Followed, at: int, column: int, decoding: Decoding) -> DecodedCaption:
    total = float(followed.totals[at, column])
    return _caption(followed, followed.rows[at, column], total, decoding, False)


def _caption(
    followed: _Followed, row: int, total: float, decoding: Decoding, has_ended: bool
) -> DecodedCaption:
    words = tuple(followed.words[row].tolist())
    attention = None if followed.attention is None else followed.attention[row].copy()
    return DecodedCaption(words, total, decoding.score(total, len(words)), has_ended, attention)


def _best_first(captions: list[DecodedCaption]) -> list[DecodedCaption]:
    return sorted(captions, key=lambda caption: -caption.score)
