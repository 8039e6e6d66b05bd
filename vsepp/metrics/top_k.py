"""The best candidates for a query, from codes."""

from __future__ import annotations

from typing import Any

import numpy as np

from vsepp.metrics.similarity import Measure, find_measure


def scores_of_text(images: Any, text: Any, measure: Measure = "cosine") -> np.ndarray:
    """float32 ``[n_images]``: how well one text code ``[size]`` fits each image."""
    return find_measure(measure).block(images, text[None])[:, 0]


def scores_of_image(image: Any, texts: Any, measure: Measure = "cosine") -> np.ndarray:
    """float32 ``[n_texts]``: how well each text fits one image code ``[size]``."""
    return find_measure(measure).block(image[None], texts)[0]


def kth_highest(scores: np.ndarray, k: int) -> Any:
    """The ``k``-th highest of ``scores [n]``, of which there are at least ``k``."""
    return np.partition(scores, len(scores) - k)[len(scores) - k]


def top_k(scores: np.ndarray, k: int) -> np.ndarray:
    """Positions int64 ``[min(k, n)]`` of the highest of ``scores [n]``, best first; of equals the
    earlier ones."""
    k = min(k, len(scores))
    if not k:
        return np.empty(0, np.int64)
    lowest = kth_highest(scores, k)
    above = np.nonzero(scores > lowest)[0]
    level = np.nonzero(scores == lowest)[0][: k - len(above)]
    return np.concatenate([above[np.argsort(-scores[above], kind="stable")], level])
