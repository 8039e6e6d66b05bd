"""Fast scores lie within their stated slack of the exact ones."""

import numpy as np
import pytest

from vsepp.metrics.similarity import MEASURES


def exact(image, text, measure):
    if measure == "cosine":
        return sum(float(a) * float(b) for a, b in zip(image, text))
    return -(sum(max(0.0, float(b) - float(a)) ** 2 for a, b in zip(image, text)) ** 0.5)


@pytest.mark.parametrize("measure", ["cosine", "order"])
@pytest.mark.parametrize("scale", [1e-4, 1, 1e4])
def test_blocks_and_pairs_agree_with_the_definition(measure, scale):
    generator = np.random.default_rng(0)
    images = (scale * generator.normal(size=(4, 30))).astype(np.float32)
    texts = generator.normal(size=(6, 30)).astype(np.float32)
    kind = MEASURES[measure]
    expected = np.array([[exact(image, text, measure) for text in texts] for image in images])

    rows = np.array([2, 0])
    block = kind.block(images[rows], texts)
    own = kind.own(images[:3], texts)
    pairs = kind.pairs(images, texts, np.array([3, 1, 1]), np.array([0, 5, 2]))

    assert block.dtype == np.float32
    assert np.abs(block - expected[rows]).max() <= kind.slack(images, texts)
    assert own.dtype == np.float32 and own.shape == (3, 2)
    right = expected[np.arange(6) // 2, np.arange(6)].reshape(3, 2)
    assert np.abs(own - right).max() <= kind.slack(images, texts)
    assert pairs == pytest.approx(expected[[3, 1, 1], [0, 5, 2]], rel=1e-12)


def test_a_text_within_the_image_has_the_highest_order_score():
    kind = MEASURES["order"]
    image, text = np.array([[3.0, 2.0]]), np.array([[1.0, 2.0]])

    assert kind.pairs(image, text, [0], [0]) == 0
    assert kind.pairs(text, image, [0], [0]) == -2
