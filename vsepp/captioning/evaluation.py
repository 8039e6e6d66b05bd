"""A captioner's sentences for a split, and their scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from vsepp.captioning.model import CaptionModel, Sentence
from vsepp.captioning.options import Decoding
from vsepp.captioning.scoring import CaptionScorer
from vsepp.data.dataset import CaptionDataset, open_dataset
from vsepp.data.prepared import Prepared
from vsepp.metrics.captions.result import CaptionResult


class CaptionedSplit(NamedTuple):
    """What a captioner wrote for a split.

    Attributes:
        dataset: the split.
        sentences: of each image those that were made, the one that is scored first.
        result: its scores.
    """

    dataset: CaptionDataset
    sentences: list[list[Sentence]]
    result: CaptionResult


def caption_split(
    model: CaptionModel,
    prepared: Prepared,
    split: str,
    decoding: Decoding | None = None,
    attention: bool = False,
    quiet: bool = True,
) -> CaptionedSplit:
    """Write sentences for a split of a prepared data set and score the best of each image.

    Args:
        decoding: how they are chosen; by default as the checkpoint's configuration says.
        attention: keep where each word looked.
        quiet: show no progress bar.

    Raises:
        InputError: when the split is missing, or the model cannot look at its images.
    """
    decoding = decoding or model.decoding()
    dataset = open_dataset(prepared, split)
    made = list(model.captions_of_split(dataset, prepared, decoding, attention, quiet))
    scorer = CaptionScorer(dataset, prepared.tokenizer)
    return scored(model, scorer, made, decoding.description)


def scored(
    model: CaptionModel, scorer: CaptionScorer, sentences: Sequence[Sequence[Sentence]], source: str
) -> CaptionedSplit:
    """Score the first of each image's sentences; ``source`` says how they were chosen."""
    result = scorer.score([made[0].sentence for made in sentences], source)
    result = result.of(model.checkpoint, model.fingerprint)
    return CaptionedSplit(scorer.dataset, [list(made) for made in sentences], result)
