"""The comparison of states with cells is v · tanh(keys + query), however large they are."""

import numpy as np
import pytest

from vsepp.models.twins import attention_step
from vsepp.models.twins.attention_step import Comparison

IMAGES = np.array([1, 0, 1, 2, 2, 0, 1])


@pytest.fixture(params=[1, 1 << 17], ids=["a row at a time", "all at once"], autouse=True)
def block(request, monkeypatch):
    monkeypatch.setattr(attention_step, "_BLOCK", request.param)


@pytest.mark.parametrize("scale", [1, 12, 100], ids=["near", "on either side", "far"])
def test_scores_and_gradients(scale):
    generator = np.random.default_rng(0)
    draw = lambda *shape: generator.standard_normal(shape).astype(np.float32)  # noqa: E731
    keys, weight, queries = scale * draw(3, 4, 5), draw(5), scale * draw(7, 5)
    queries[0] = 0.3 - keys[IMAGES[0], 2]  # a sum that is small of what is large
    grad = draw(7, 4)
    grad -= grad.mean(axis=1, keepdims=True)
    comparison = Comparison(keys, weight)
    scores, queries_grad = np.empty((7, 4), np.float32), np.empty((7, 5), np.float32)
    comparison.scores(IMAGES, queries, scores)
    comparison.begin_backward()
    for rows in (slice(4, 7), slice(0, 4)):  # as steps do, in parts
        comparison.backward(IMAGES[rows], queries[rows], grad[rows], queries_grad[rows])
    keys_grad, weight_grad = comparison.end_backward()

    compared = np.tanh(keys[IMAGES].astype(float) + queries[:, None])
    slopes = grad[:, :, None] * weight * (1 - compared**2)
    expected_keys = np.zeros(keys.shape)
    np.add.at(expected_keys, IMAGES, slopes)
    close = dict(atol=2e-6 * max(1, scale / 10))  # of float32 sums of large numbers
    np.testing.assert_allclose(scores, compared @ weight, **close)
    np.testing.assert_allclose(queries_grad, slopes.sum(axis=1), **close)
    np.testing.assert_allclose(keys_grad, expected_keys, **close)
    np.testing.assert_allclose(weight_grad, np.einsum("nc,nca->a", grad, compared), **close)
