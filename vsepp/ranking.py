"""The best candidates for a query, from codes."""

import numpy as np

from vsepp.measures import MEASURES


def scores_of_text(images, text, measure="cosine"):
    """float32 ``[n_images]``: how well one text code ``[size]`` fits each image."""
    kind = MEASURES[measure]
    prepared = kind.prepare(images, text[None])
    return kind.block(prepared, np.arange(len(images)))[:, 0]


def scores_of_image(image, texts, measure="cosine"):
    """float32 ``[n_texts]``: how well each text fits one image code ``[size]``."""
    kind = MEASURES[measure]
    return kind.block(kind.prepare(image[None], texts), np.arange(1))[0]


def top_k(scores, k):
    """Positions of the ``k`` highest scores, best first; earlier positions win ties."""
    k = min(k, len(scores))
    kept = np.sort(np.argpartition(-scores, k - 1)[:k]) if k else np.empty(0, np.int64)
    return kept[np.argsort(-scores[kept], kind="stable")]
