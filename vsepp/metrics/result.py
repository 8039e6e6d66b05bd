"""One evaluation: what was scored, under which protocol, and how well. Printed and stored alike."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Optional

import numpy as np

from vsepp.metrics.bootstrap import DRAWS, LEVEL, Ranks, compare, intervals
from vsepp.system.atomic import atomic_path

SEED = 0  # of the bootstrap


@dataclass(frozen=True)
class RetrievalResult:
    """What ``tools/eval.py`` prints and writes, the report shows, and a training ends with.

    Attributes:
        metrics: ``{"i2t": {"R@1", "R@5", "R@10", "Med r", "Med r (authors)", "Mean r", "mAP@R"},
            "t2i": {…}, "rsum"}``.
        ranks: of every query; with folds, of the images that are in one.
        images, captions: how many were given.
        protocol: in words, such as ``all 1,000 images``.
        measure: ``cosine`` or ``order``.
        captions_per_image: the stride; None where the ground truth is another relation.
        dataset, split: their names; None where the codes are of no data set.
        checkpoints: one, or all of an ensemble.
        fingerprints: of their weights, in the same order.
        intervals: see ``vsepp.metrics.bootstrap.intervals``.
        equal_captions: of captions that another image has word for word: how many ``captions`` and
            ``sentences``, as what they are ``counted``, and ``rsum_right``, what rsum would be if
            they were right; None where nobody looked.
        comparison: the other's ``checkpoint``, ``fingerprint``, ``protocol`` where it is another,
            and metrics; and ``differences``, see ``vsepp.metrics.bootstrap.compare``.
        hubness: the metrics of the same codes with hubness correction, see
            ``vsepp.metrics.hubness``: ``temperature``, the split that it was ``chosen_on`` (None:
            given by hand), ``i2t``, ``t2i``, ``rsum``. No other field depends on it.
    """

    metrics: dict
    ranks: Ranks
    images: int
    captions: int
    protocol: str
    measure: str
    captions_per_image: Optional[int] = None
    dataset: Optional[str] = None
    split: Optional[str] = None
    checkpoints: tuple[str, ...] = ()
    fingerprints: tuple[str, ...] = ()
    intervals: Optional[dict] = None
    comparison: Optional[dict] = None
    equal_captions: Optional[dict] = None
    hubness: Optional[dict] = None

    def of(self, checkpoint: str, fingerprint: str) -> RetrievalResult:
        """The same, known to be that of a checkpoint."""
        return replace(self, checkpoints=(checkpoint,), fingerprints=(fingerprint,))

    def with_intervals(self) -> RetrievalResult:
        """The same with bootstrap intervals of every metric that ranks determine."""
        return replace(self, intervals=intervals(self.ranks, SEED))

    def compared_with(self, other: RetrievalResult) -> RetrievalResult:
        """The same with its differences from the result of another model on the same queries.

        Raises:
            InputError: when they are not of the same queries.
        """
        about = other.about()
        comparison = {
            **{key: about[key] for key in ("checkpoint", "fingerprint") if key in about},
            **({"protocol": other.protocol} if other.protocol != self.protocol else {}),
            **other.metrics,
            "differences": compare(self.ranks, other.ranks, SEED),
        }
        return replace(self, comparison=comparison)

    def about(self) -> dict:
        """What was scored and how, without the scores; what is not known is left out."""
        known = {
            "dataset": self.dataset,
            "split": self.split,
            "images": self.images,
            "captions": self.captions,
            "captions_per_image": self.captions_per_image,
            "protocol": self.protocol,
            "measure": self.measure,
            "checkpoint": self.checkpoints[0] if self.checkpoints else None,
            "fingerprint": "+".join(self.fingerprints) or None,
            "ensemble": list(self.checkpoints) if len(self.checkpoints) > 1 else None,
        }
        return {key: value for key, value in known.items() if value is not None}

    def to_dict(self) -> dict:
        """What ``tools/eval.py`` writes as JSON: :meth:`about`, the metrics, ``equal_captions``
        where they were looked for, with intervals or a comparison ``bootstrap``, ``intervals``,
        ``compare``, and ``hubness`` where it was corrected besides."""
        result = {**self.about(), **self.metrics}
        if self.equal_captions:
            result["equal_captions"] = self.equal_captions
        if self.intervals or self.comparison:
            result["bootstrap"] = {
                "resampled": self.ranks.resampled,
                "draws": DRAWS,
                "level": LEVEL,
                "seed": SEED,
            }
        if self.intervals:
            result["intervals"] = self.intervals
        if self.comparison:
            result["compare"] = self.comparison
        if self.hubness:
            result["hubness"] = self.hubness
        return result

    def save_ranks(self, path: str | os.PathLike) -> None:
        """Write every query's rank as ``.npz``, readable by ``numpy.load`` without pickles.

        It holds ``i2t [n_images]`` and ``t2i [n_captions]``, from zero, ``folds``, what
        :meth:`about` says, and ``pairs [n_pairs, 2]`` (image, caption) where these are not a
        stride.
        """
        ranks = self.ranks
        arrays: dict = {"i2t": ranks.i2t, "t2i": ranks.t2i, "folds": ranks.folds}
        if ranks.correspondence is not None:
            pairs = (ranks.correspondence.images, ranks.correspondence.texts)
            arrays["pairs"] = np.stack(pairs, axis=1)
        arrays.update({name: np.array(value) for name, value in self.about().items()})
        with atomic_path(path) as temporary, open(temporary, "wb") as file:
            np.savez(file, **arrays)
