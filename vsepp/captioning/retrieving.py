"""Whether a retrieval model finds a photograph again by the sentence that was made for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from vsepp.metrics.scores import compute_ranks, recall_at
from vsepp.retrieval.gallery import Gallery
from vsepp.retrieval.model import RetrievalModel
from vsepp.system.errors import InputError

CUTOFFS = (1, 5, 10)


class Found(NamedTuple):
    """R@K of the photograph that a sentence belongs to, in percent.

    Attributes:
        made: ``{"R@1", "R@5", "R@10"}`` of the sentences that a captioner made, one an image.
        people: the same of the captions that people wrote.
        unread: how many of the made ones the model cannot read; they find nothing.
    """

    made: dict[str, float]
    people: dict[str, float]
    unread: int


def find_again(model: RetrievalModel, gallery: Gallery, sentences: Sequence[str]) -> Found:
    """Let a retrieval model look for each image of a split by its sentence, and by people's.

    Args:
        model: the retrieval model.
        gallery: the split under it.
        sentences: one for each image, in the split's order.
    """
    read, rows = [], []
    for place, sentence in enumerate(sentences):
        indices = _indices(model, sentence)
        if indices is not None:
            read.append(place)
            rows.append(indices)
    images = gallery.images
    ranks = np.full(len(sentences), max(len(images), *CUTOFFS))  # beyond every cutoff: not found
    if read:
        codes = np.zeros((len(images), images.shape[1]), np.float32)
        codes[read] = model.encode_indices(rows)
        found = compute_ranks(images, codes, 1, gallery.measure)[1]
        ranks[read] = found[read]
    count = gallery.dataset.captions_per_image
    people = compute_ranks(np.repeat(images, count, axis=0), gallery.texts, count, gallery.measure)
    return Found(_recalls(ranks), _recalls(people[1]), len(sentences) - len(read))


def _indices(model: RetrievalModel, sentence: str) -> list[int] | None:
    try:
        return model.reader.indices([sentence])[0]
    except InputError:  # none of its words is known
        return None


def _recalls(ranks: np.ndarray) -> dict[str, float]:
    return {f"R@{k}": recall_at(ranks, k) for k in CUTOFFS}
