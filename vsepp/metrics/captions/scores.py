"""Scores of sentences as captions of images: BLEU, ROUGE-L, CIDEr-D."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any, Union

import numpy as np

from vsepp.metrics.captions.bleu import clipped_matches, closest_length
from vsepp.metrics.captions.cider import CiderD
from vsepp.metrics.captions.ngrams import count_ngrams
from vsepp.metrics.captions.rouge import rouge_l
from vsepp.metrics.captions.statistics import CaptionStatistics
from vsepp.metrics.captions.words import caption_words
from vsepp.system.counts import counted
from vsepp.system.errors import InputError

CaptionText = Union[str, Sequence[str]]  # as written; or its words


def caption_scores(
    candidates: Iterable[CaptionText],
    references: Iterable[Iterable[CaptionText]],
    tokenized: bool = False,
) -> dict[str, float]:
    """Score one candidate sentence per image against the image's references.

    BLEU is corpus BLEU with brevity penalty and the closest reference length, ROUGE-L has
    β = 1.2 and the best precision and recall over the references, CIDEr-D takes its IDF from the
    references given, so that of a single image it is 0. See the modules of
    ``vsepp.metrics.captions``.

    Args:
        candidates: a sentence for each image. One without a word scores 0.
        references: a list of sentences for each image; the numbers may differ.
        tokenized: sentences are words already: parted by blanks, or in a list. They are compared
            as they are. Without, see :func:`~vsepp.metrics.captions.words.caption_words`.

    Returns:
        dict: ``{"BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "ROUGE-L", "CIDEr-D"}`` in percent;
        CIDEr-D × 100.

    Raises:
        InputError: (a ValueError) when there is no image, when one has no references, when there
            is not one candidate for each, or when something is no sentence.

    >>> scores = caption_scores(["a dog runs"], [["A dog runs.", "A dog is running"]])
    >>> round(scores["BLEU-1"]), round(scores["ROUGE-L"])
    (100, 100)
    """
    return CaptionReferences(references, tokenized).score(candidates).scores()


class CaptionReferences:
    """The references of a set of images, prepared once, to score one set of candidates or many.

    Args:
        references, tokenized: see :func:`caption_scores`.

    Attributes:
        sentences: how many there are in all.
        fingerprint: of their words.
        full_stops: whether a full stop is among their words.

    Raises:
        InputError: as :func:`caption_scores`.
    """

    def __init__(
        self, references: Iterable[Iterable[CaptionText]], tokenized: bool = False
    ) -> None:
        self.tokenized = tokenized
        images = _listed(references, "references", "a list of sentences for each image")
        if not images:
            raise InputError("there are no images to score: give one candidate or more.")
        self._words = []
        for place, image in enumerate(images):
            name = f"references[{place}]"
            sentences = _listed(image, name, "a list of the sentences of an image")
            if not sentences:
                raise InputError(f"{name} is empty: give each image one reference or more.")
            self._words.append(
                [
                    _words(sentence, tokenized, f"{name}[{number}]")
                    for number, sentence in enumerate(sentences)
                ]
            )
        self._ngrams = [[count_ngrams(words) for words in image] for image in self._words]
        self._cider = CiderD(self._ngrams)
        self.sentences = sum(map(len, self._words))
        self.fingerprint = hashlib.sha256(json.dumps(self._words).encode()).hexdigest()[:16]
        self.full_stops = any("." in words for image in self._words for words in image)

    def __len__(self) -> int:
        return len(self._words)

    def score(self, candidates: Iterable[CaptionText]) -> CaptionStatistics:
        """Score a candidate for each image.

        Raises:
            InputError: as :func:`caption_scores`.
        """
        given = _listed(candidates, "candidates", "a list with a sentence for each image")
        if len(given) != len(self):
            raise InputError(
                f"{counted(len(given), 'candidate')} for the references of "
                f"{counted(len(self), 'image')}: give one candidate for each image."
            )
        matches, totals, lengths, rouge, cider = [], [], [], [], []
        cut = [
            _words(sentence, self.tokenized, f"candidates[{place}]")
            for place, sentence in enumerate(given)
        ]
        for place, (words, references) in enumerate(zip(cut, self._words)):
            ngrams = count_ngrams(words)
            matches.append(clipped_matches(ngrams, self._ngrams[place]))
            totals.append([sum(each.values()) for each in ngrams])
            lengths.append(closest_length(len(words), map(len, references)))
            rouge.append(rouge_l(words, references))
            cider.append(self._cider(place, ngrams))
        return CaptionStatistics(
            matches=np.array(matches),
            totals=np.array(totals),
            reference_words=np.array(lengths),
            rouge=np.array(rouge),
            cider=np.array(cider),
            distinct=len(set(map(tuple, cut))),
            fingerprint=self.fingerprint,
        )


def _listed(value: Any, name: str, wanted: str) -> list:
    """What ``value`` holds; InputError where it is one thing or has no order."""
    if isinstance(value, (str, bytes, dict, set)) or not isinstance(value, Iterable):
        raise InputError(f"{name} is {_kind(value)}: give {wanted}.")
    return list(value)


def _words(sentence: Any, tokenized: bool, name: str) -> list[str]:
    if isinstance(sentence, str):
        return sentence.split() if tokenized else caption_words(sentence)
    if not tokenized:
        listed = isinstance(sentence, Sequence) and all(isinstance(word, str) for word in sentence)
        mend = "give tokenized=True with lists of words" if listed else "give a str"
        raise InputError(f"{name} is {_kind(sentence)}, not a sentence: {mend}.")
    words = _listed(sentence, name, "a str, or a list of words")
    if not all(isinstance(word, str) for word in words):
        raise InputError(f"{name} holds something that is no str: give the words of a sentence.")
    return words


def _kind(value: Any) -> str:
    name = type(value).__name__
    return "None" if value is None else f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
