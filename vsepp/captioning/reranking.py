"""Among several sentences of a photograph, those that a retrieval model finds nearest to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, List, Tuple, TypeVar

import numpy as np

from vsepp.captioning.sentences import Sentence
from vsepp.system.errors import InputError

if TYPE_CHECKING:
    from vsepp.retrieval.model import RetrievalModel

AnySentence = TypeVar("AnySentence", bound=Sentence)
UNREAD = -1.0  # the similarity of a sentence without a single word that the model knows


def rerank(
    model: RetrievalModel,
    codes: np.ndarray,
    candidates: Sequence[Sequence[AnySentence]],
    keep: int = 1,
) -> List[List[Tuple[AnySentence, float]]]:
    """The nearest sentences of each photograph, nearest first; of equals the earlier one.

    Args:
        model: compares photographs and sentences.
        codes: of the photographs, as ``model.encode_image`` gives them: ``[n, embed_size]``.
        candidates: of each photograph its sentences, at least one; equal ones count once.
        keep: how many of each are kept, at most.

    Returns:
        Of each photograph its sentences with their similarities; that of a sentence without a
        single word that the model knows is the lowest: it is ``UNREAD``, or below all others.
    """
    each_once: List[List[AnySentence]] = []
    for of in candidates:
        first: dict[str, AnySentence] = {}
        for caption in of:
            first.setdefault(caption.sentence, caption)
        each_once.append(list(first.values()))
    different = dict.fromkeys(caption.sentence for of in each_once for caption in of)
    codes_of = _codes(model, list(different))
    answers = []
    for code, of in zip(codes, each_once):
        known = [caption for caption in of if caption.sentence in codes_of]
        scores = np.empty(0, np.float32)
        if known:
            texts = np.stack([codes_of[caption.sentence] for caption in known])
            scores = model.similarity(code[None], texts)[0]
        lowest = min([UNREAD, *scores.tolist()])
        score_of = dict(zip((caption.sentence for caption in known), scores.tolist()))
        scored = [(caption, score_of.get(caption.sentence, lowest)) for caption in of]
        answers.append(sorted(scored, key=lambda pair: -pair[1])[:keep])
    return answers


def _codes(model: RetrievalModel, sentences: List[str]) -> dict[str, np.ndarray]:
    """Codes of the sentences that the model can read."""
    try:
        return dict(zip(sentences, model.encode_text(sentences)))
    except InputError:
        if len(sentences) == 1:
            return {}
    half = len(sentences) // 2  # those that it cannot read are few
    return {**_codes(model, sentences[:half]), **_codes(model, sentences[half:])}
