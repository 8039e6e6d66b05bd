"""The best candidates, best first, and the earlier of two equals."""

import numpy as np
import pytest

from vsepp.metrics.top_k import scores_of_image, scores_of_text, top_k


@pytest.mark.parametrize("k", [0, 1, 3, 7, 60, 100])
@pytest.mark.parametrize("values", [1, 2, 5, 1000])
def test_top_k_equals_a_full_sort_with_ties_by_position(values, k):
    scores = np.random.default_rng(values).integers(values, size=60).astype(np.float32)

    expected = sorted(range(60), key=lambda place: (-scores[place], place))[:k]

    assert top_k(scores, k).tolist() == expected


def test_nothing_is_found_among_nothing():
    assert top_k(np.empty(0, np.float32), 5).tolist() == []


def test_scores_by_hand():
    images, texts = np.array([[1, 0], [0, 2]], np.float32), np.array([[1, 1], [3, 0]], np.float32)

    assert scores_of_text(images, texts[0]).tolist() == [1, 2]
    assert scores_of_image(images[0], texts).tolist() == [1, 3]
    assert scores_of_text(images, texts[1], "order").tolist() == [-2, -3]
    assert scores_of_image(images[1], texts, "order").tolist() == [-1, -3]
