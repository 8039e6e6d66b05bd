"""Scores of sentences for the images of a split, against what people wrote of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from vsepp.captioning.sentences import Sentence
from vsepp.data.dataset import CaptionDataset
from vsepp.metrics.captions.result import CaptionResult, evaluate_captions
from vsepp.metrics.captions.scores import CaptionReferences
from vsepp.metrics.captions.words import caption_words
from vsepp.text.tokens import find_tokenizer

_CUT_BY_ITSELF = "jieba"  # the words of Chinese are not to be seen in how it is written


def scored_words(tokenizer: str) -> Callable[[str], list[str]]:
    """What cuts a sentence into the words that scores count; see :class:`CaptionScorer`."""
    return find_tokenizer(tokenizer) if tokenizer == _CUT_BY_ITSELF else caption_words


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


class CaptionScorer:
    """The captions of each image of a split, prepared once.

    Args:
        dataset: the split.
        tokenizer: name of what cut the data set's captions. Sentences of words with blanks between
            them are scored as the literature does it, whatever that was; Chinese is cut by it.
    """

    def __init__(self, dataset: CaptionDataset, tokenizer: str) -> None:
        self.dataset, self.tokenizer = dataset, tokenizer
        self._cut = scored_words(tokenizer) if tokenizer == _CUT_BY_ITSELF else None
        count, sentences = dataset.captions_per_image, self._words(dataset.sentences())
        references = [sentences[first : first + count] for first in range(0, len(sentences), count)]
        self._references = CaptionReferences(references, tokenized=self._cut is not None)

    def captioned(self, sentences: Sequence[Sequence[Sentence]], source: str) -> CaptionedSplit:
        """Score the first of each image's sentences.

        Args:
            source: how they were chosen, in words.
        """
        result = self.score([made[0].sentence for made in sentences], source)
        return CaptionedSplit(self.dataset, [list(made) for made in sentences], result)

    def score(self, sentences: Sequence[str], source: str) -> CaptionResult:
        """Score a sentence for each image.

        Args:
            source: where they are from, in words.
        """
        return evaluate_captions(
            self._words(sentences),
            self._references,
            tokenizer=self.tokenizer,
            dataset=self.dataset.folder.name,
            split=self.dataset.split,
            source=source,
        )

    def _words(self, sentences: Sequence[str]) -> Sequence:
        return sentences if self._cut is None else [self._cut(each) for each in sentences]
