"""What each image adds to the scores of captions: from it come scores, intervals, comparisons."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vsepp.metrics.bootstrap import DRAWS, LEVEL, percentile_interval, resampled_counts
from vsepp.metrics.captions.bleu import bleu, brevity_penalty
from vsepp.metrics.captions.ngrams import LONGEST
from vsepp.system.errors import InputError

SCORES = (*(f"BLEU-{n}" for n in range(1, LONGEST + 1)), "ROUGE-L", "CIDEr-D")
_BLOCK = 1_000_000  # resampled images held at a time: 8 MB an array


@dataclass(frozen=True)
class CaptionStatistics:
    """Of every image, in order.

    Attributes:
        matches: int64 ``[n_images, 4]``: n-grams of the candidate that a reference has, clipped.
        totals: int64 ``[n_images, 4]``: all n-grams of the candidate; the first are its words.
        reference_words: int64 ``[n_images]``: length of the closest reference.
        rouge: float64 ``[n_images]``, from 0 to 1.
        cider: float64 ``[n_images]``, from 0 to 10, with the IDF of all images.
        distinct: how many different candidates there are.
        fingerprint: of the references that they were scored against.
    """

    matches: np.ndarray
    totals: np.ndarray
    reference_words: np.ndarray
    rouge: np.ndarray
    cider: np.ndarray
    distinct: int
    fingerprint: str

    def __len__(self) -> int:
        return len(self.rouge)

    @property
    def empty(self) -> int:
        """How many candidates have no word."""
        return int((self.totals[:, 0] == 0).sum())

    @property
    def brevity_penalty(self) -> float:
        """Of the whole set."""
        return float(brevity_penalty(self.totals[:, 0].sum(), self.reference_words.sum()))

    def scores(self) -> dict[str, float]:
        """``SCORES`` of all images, in percent; CIDEr-D × 100."""
        values = _scores(np.ones(len(self)) @ self._columns(), len(self))
        return dict(zip(SCORES, map(float, values)))

    def resampled(self, seed: int = 0, draws: int = DRAWS) -> np.ndarray:
        """Scores of as many images drawn with replacement: float64 ``[draws, 6]``.

        The IDF of CIDEr-D stays that of all images. Equal seeds draw the same images of sets of
        equal size.
        """
        generator, columns, size = np.random.default_rng(seed), self._columns(), len(self)
        step = max(1, _BLOCK // size)
        blocks = [
            resampled_counts(size, generator, min(step, draws - start)) @ columns
            for start in range(0, draws, step)
        ]
        return _scores(np.concatenate(blocks), size)

    def _columns(self) -> np.ndarray:
        parts = (self.matches, self.totals, self.reference_words, self.rouge, self.cider)
        return np.column_stack(parts).astype(np.float64)


def _scores(sums: np.ndarray, images: int) -> np.ndarray:
    """``[..., 6]`` in percent, from sums ``[..., 11]`` over ``images`` images."""
    matches, totals, reference_words, means = np.split(
        sums, (LONGEST, 2 * LONGEST, 2 * LONGEST + 1), axis=-1
    )
    corpus = bleu(matches, totals, reference_words[..., 0])
    return 100 * np.concatenate([corpus, means / images], axis=-1)


def caption_intervals(
    statistics: CaptionStatistics, seed: int = 0, draws: int = DRAWS, level: float = LEVEL
) -> dict[str, list[float]]:
    """``{score: [low, high]}`` that holds the middle ``level`` percent of resampled scores."""
    samples = statistics.resampled(seed, draws)
    return {
        name: percentile_interval(samples[:, place], level) for place, name in enumerate(SCORES)
    }


def compare_captions(
    ours: CaptionStatistics,
    other: CaptionStatistics,
    seed: int = 0,
    draws: int = DRAWS,
    level: float = LEVEL,
) -> dict[str, dict]:
    """Differences, ours − other, of two sets of candidates for the same images.

    The bootstrap is paired: each draw scores both on the same images, so that what makes an
    image hard for both does not widen the interval.

    Returns:
        dict: ``{score: {"difference", "interval"}}``

    Raises:
        InputError: when the two were not scored against the same references.
    """
    if ours.fingerprint != other.fingerprint:
        raise InputError(
            f"only captions of the same images can be compared, and these two, of {len(ours):,} "
            f"and {len(other):,} images, were scored against different references: score both on "
            "one split with one tokenizer."
        )
    mine, theirs = ours.scores(), other.scores()
    samples = ours.resampled(seed, draws) - other.resampled(seed, draws)
    return {
        name: {
            "difference": mine[name] - theirs[name],
            "interval": percentile_interval(samples[:, place], level),
        }
        for place, name in enumerate(SCORES)
    }
