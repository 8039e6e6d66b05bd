"""A captioner's sentences for a split, and their scores."""

from __future__ import annotations

from collections.abc import Sequence

from vsepp.captioning.model import CaptionModel
from vsepp.captioning.options import Decoding
from vsepp.captioning.scoring import CaptionedSplit, CaptionScorer
from vsepp.captioning.sentences import Sentence
from vsepp.data.dataset import open_dataset
from vsepp.data.prepared import Prepared


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
    """As :meth:`CaptionScorer.captioned`, with a result that is known to be the model's."""
    split = scorer.captioned(sentences, source)
    return split._replace(result=split.result.of(model.checkpoint, model.fingerprint))
