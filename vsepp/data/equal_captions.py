"""Captions of a prepared split that are word for word equal."""

from __future__ import annotations

import numpy as np

from vsepp.data.dataset import CaptionDataset
from vsepp.data.prepared import Prepared
from vsepp.metrics.equal_texts import EqualTexts
from vsepp.text.equal import first_of_equal, first_of_equal_captions
from vsepp.text.tokens import find_tokenizer
from vsepp.text.vocabulary import UNK


def equal_captions(dataset: CaptionDataset) -> EqualTexts:
    """Which captions of a split, as it was prepared, are word for word equal.

    Two that differ in a word are not equal because the vocabulary lacks both words: captions with
    unknown words are compared as they were written, and where that was not kept they equal none.
    """
    first = first_of_equal_captions(dataset.captions)
    unknown = dataset.vocabulary.word_to_index[UNK]
    often = np.bincount(first, minlength=len(first))[first] > 1
    doubtful = [place for place in np.flatnonzero(often) if unknown in dataset.captions[place]]
    if doubtful:
        written = np.arange(len(doubtful))
        if dataset.keeps_sentences():
            cut, sentences = find_tokenizer(Prepared(dataset.folder).tokenizer), dataset.sentences()
            written = first_of_equal(tuple(cut(sentences[place])) for place in doubtful)
        first[doubtful] = np.asarray(doubtful)[written]
    return EqualTexts(first, dataset.captions_per_image)
