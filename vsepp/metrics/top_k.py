"""The best candidates for a query, from codes."""

import numpy as np

from vsepp.metrics.similarity import MEASURES


def scores_of_text(images, text, measure="cosine"):
    """float32 ``[n_images]``: how well one text code ``[size]`` fits each image."""
    return MEASURES[measure].block(images, text[None])[:, 0]


def scores_of_image(image, texts, measure="cosine"):
    """float32 ``[n_texts]``: how well each text fits one image code ``[size]``."""
    return MEASURES[measure].block(image[None], texts)[0]


def top_k(scores, k):
    """Positions of the ``k`` highest scores, best first; earlier positions win ties."""
    k = min(k, len(scores))
    if not k:
        return np.empty(0, np.int64)
    lowest = np.partition(scores, len(scores) - k)[len(scores) - k]
    above = np.nonzero(scores > lowest)[0]
    level = np.nonzero(scores == lowest)[0][: k - len(above)]
    return np.concatenate([above[np.argsort(-scores[above], kind="stable")], level])
