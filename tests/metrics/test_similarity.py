"""Fast scores lie within their stated slack of the exact ones."""

import numpy as np
import pytest

from vsepp.metrics.similarity import MEASURES, Ensemble


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


@pytest.mark.parametrize("n_texts", [1, 4, 5, 9])  # few at a time, and as a product
@pytest.mark.parametrize(
    "kind",
    [*MEASURES.values(), Ensemble("cosine", (10, 20)), Ensemble("order", (7, 3, 20))],
    ids=["cosine", "order", "cosine ensemble", "order ensemble"],
)
def test_every_way_to_the_scores_leads_to_the_same(kind, n_texts):
    generator = np.random.default_rng(n_texts)
    images = generator.normal(size=(40, 30)).astype(np.float32)
    texts = 2 * generator.normal(size=(n_texts, 30)).astype(np.float32)
    rows, columns = (side.reshape(-1) for side in np.indices((len(images), len(texts))))
    exact = kind.pairs(images, texts, rows, columns).reshape(len(images), len(texts))
    slack = kind.slack(images, texts)

    scan = kind.scanner(texts, 16)
    parts = [scan(images[start : start + 16]).T.copy() for start in range(0, 40, 16)]
    single = kind.pairs(images, texts, rows, columns, np.float32).reshape(exact.shape)

    for scores in (np.concatenate(parts), kind.block(images, texts), single):
        assert scores.dtype == np.float32 and np.abs(scores - exact).max() <= slack


def test_a_text_within_the_image_has_the_highest_order_score():
    kind = MEASURES["order"]
    image, text = np.array([[3.0, 2.0]]), np.array([[1.0, 2.0]])

    assert kind.pairs(image, text, [0], [0]) == 0
    assert kind.pairs(text, image, [0], [0]) == -2
