"""CIDEr-D (Vedantam, Zitnick and Parikh, CVPR 2015).

An n-gram weighs as often as it occurs in a sentence times its IDF, the logarithm of one in how
many images has it in a reference. A candidate is compared with each reference by the cosine of
these weights, in which it cannot win by repeating (its weight is clipped to the reference's) nor
by another length (a Gaussian of the difference), and the similarities are averaged over the
references and over n = 1 … 4. Counts are not divided by a sentence's length before they are
clipped: the paper's formula would, its published scores do not.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from vsepp.metrics.captions.ngrams import LONGEST

SIGMA = 6.0  # words
_SCALE = 10.0  # of the paper; a score of 1 is 100 in tables


class CiderD:
    """The score of one image's candidate, given all scored images' references.

    Args:
        references: n-grams (see ``count_ngrams``) of each reference of each image.
    """

    def __init__(self, references: Sequence[Sequence[Sequence[Counter]]]) -> None:
        frequencies: Counter = Counter()
        for image in references:
            frequencies.update({key for sentence in image for ngrams in sentence for key in ngrams})
        self._nowhere = math.log(len(references))  # IDF of what no reference has
        self._idf = {key: self._nowhere - math.log(count) for key, count in frequencies.items()}
        self._references = [[self._weighed(sentence) for sentence in image] for image in references]

    def __call__(self, image: int, candidate: Sequence[Counter]) -> float:
        """From 0 to 10: the score of a candidate's n-grams as a caption of an image."""
        weights, norms, words = self._weighed(candidate)
        total = 0.0
        references = self._references[image]
        for others, other_norms, other_words in references:
            similarity = 0.0
            for ours, theirs, norm, other_norm in zip(weights, others, norms, other_norms):
                if norm and other_norm:
                    shared = sum(
                        min(weight, theirs[key]) * theirs[key]
                        for key, weight in ours.items()
                        if key in theirs
                    )
                    similarity += shared / (norm * other_norm)
            total += similarity * math.exp(-((words - other_words) ** 2) / (2 * SIGMA**2))
        return _SCALE * total / (LONGEST * len(references))

    def _weighed(self, sentence: Sequence[Counter]) -> tuple[list[dict], list[float], int]:
        """Weights of the n-grams of each length, their norms, and how many words there are."""
        idf, nowhere = self._idf, self._nowhere
        weights = [
            {key: count * idf.get(key, nowhere) for key, count in ngrams.items()}
            for ngrams in sentence
        ]
        norms = [math.sqrt(sum(weight**2 for weight in each.values())) for each in weights]
        return weights, norms, sum(sentence[0].values())
