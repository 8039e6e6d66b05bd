"""One evaluation of captions: what was scored, by which convention, and how well."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Optional, Union

from vsepp.metrics.bootstrap import DRAWS, LEVEL
from vsepp.metrics.captions.bleu import PROTOCOL
from vsepp.metrics.captions.scores import CaptionReferences, CaptionText
from vsepp.metrics.captions.statistics import CaptionStatistics, caption_intervals, compare_captions
from vsepp.metrics.captions.words import TOKENIZER

SEED = 0  # of the bootstrap
RESAMPLED = "images; the IDF of CIDEr-D stays that of all images"


@dataclass(frozen=True)
class CaptionResult:
    """What ``tools/eval.py`` prints and writes of a captioner.

    Attributes:
        statistics: what each image adds to the scores.
        references: how many sentences they were scored against.
        protocol: the convention of BLEU, in words.
        tokenizer: what cut the sentences into words, in words.
        dataset, split: their names; None where the captions are of no data set.
        checkpoint, fingerprint: of the captioner; None where another program wrote the captions.
        source: where the captions are from, in words, such as ``beam 5`` or a file.
        intervals: see :func:`~vsepp.metrics.captions.statistics.caption_intervals`.
        comparison: the other's :meth:`about` and scores; and ``differences``, see
            :func:`~vsepp.metrics.captions.statistics.compare_captions`.
    """

    statistics: CaptionStatistics
    references: int
    protocol: str
    tokenizer: str
    dataset: Optional[str] = None
    split: Optional[str] = None
    checkpoint: Optional[str] = None
    fingerprint: Optional[str] = None
    source: Optional[str] = None
    intervals: Optional[dict] = None
    comparison: Optional[dict] = None

    @property
    def images(self) -> int:
        """How many were scored."""
        return len(self.statistics)

    @property
    def metrics(self) -> dict[str, float]:
        """``{"BLEU-1", …, "BLEU-4", "ROUGE-L", "CIDEr-D"}`` in percent; CIDEr-D × 100."""
        return self.statistics.scores()

    def of(self, checkpoint: str, fingerprint: str) -> CaptionResult:
        """The same, known to be that of a checkpoint."""
        return replace(self, checkpoint=checkpoint, fingerprint=fingerprint)

    def with_intervals(self) -> CaptionResult:
        """The same with bootstrap intervals of every score."""
        return replace(self, intervals=caption_intervals(self.statistics, SEED))

    def compared_with(self, other: CaptionResult) -> CaptionResult:
        """The same with its differences from other captions of the same images.

        Raises:
            InputError: when they were not scored against the same references.
        """
        named = {key: other.about().get(key) for key in ("checkpoint", "fingerprint", "source")}
        comparison = {
            **{key: value for key, value in named.items() if value is not None},
            **other.metrics,
            "differences": compare_captions(self.statistics, other.statistics, SEED),
        }
        return replace(self, comparison=comparison)

    def about(self) -> dict:
        """What was scored and how, without the scores; what is not known is left out."""
        statistics = self.statistics
        known = {
            "dataset": self.dataset,
            "split": self.split,
            "images": self.images,
            "references": self.references,
            "protocol": self.protocol,
            "tokenizer": self.tokenizer,
            "checkpoint": self.checkpoint,
            "fingerprint": self.fingerprint,
            "source": self.source,
            "distinct": statistics.distinct,
            "empty": statistics.empty,
            "words": int(statistics.totals[:, 0].sum()),
            "reference_words": int(statistics.reference_words.sum()),
            "brevity_penalty": statistics.brevity_penalty,
        }
        return {key: value for key, value in known.items() if value is not None}

    def to_dict(self) -> dict:
        """What ``tools/eval.py`` writes as JSON: :meth:`about`, the scores, and with intervals or
        a comparison ``bootstrap``, ``intervals``, ``compare``."""
        result = {**self.about(), **self.metrics}
        if self.intervals or self.comparison:
            result["bootstrap"] = {
                "resampled": RESAMPLED,
                "draws": DRAWS,
                "level": LEVEL,
                "seed": SEED,
            }
        if self.intervals:
            result["intervals"] = self.intervals
        if self.comparison:
            result["compare"] = self.comparison
        return result


def evaluate_captions(
    candidates: Iterable[CaptionText],
    references: Union[CaptionReferences, Iterable[Iterable[CaptionText]]],
    tokenized: bool = False,
    tokenizer: Optional[str] = None,
    **about: Any,
) -> CaptionResult:
    """Score a candidate for each image.

    Args:
        candidates, references, tokenized: see ``vsepp.caption_scores``; or
            ``references`` that were prepared, which know whether they are tokenized.
        tokenizer: what cut tokenized sentences, in words.
        about: ``dataset``, ``split``, ``checkpoint``, ``fingerprint`` and ``source`` of
            :class:`CaptionResult`.

    Raises:
        InputError: as ``vsepp.caption_scores``.
    """
    if not isinstance(references, CaptionReferences):
        references = CaptionReferences(references, tokenized)
    statistics = references.score(candidates)
    if not references.tokenized:
        tokenizer = TOKENIZER
    return CaptionResult(
        statistics,
        references.sentences,
        f"{PROTOCOL}; full stops {'' if references.full_stops else 'not '}counted",
        tokenizer or "words as they were given",
        **about,
    )
