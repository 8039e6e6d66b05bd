"""The loss of a captioner is the sum written out."""

import numpy as np
import paddle
import pytest

from vsepp.models.caption_loss import (
    caption_loss,
    cells_passed_over,
    cross_entropy,
    plain_cross_entropy,
)

WORDS, VOCABULARY, CELLS = 7, 5, 4
LENGTHS = np.array([3, 5, 2])


@pytest.fixture
def batch():
    generator = np.random.default_rng(0)
    logits = 3 * generator.standard_normal((WORDS, VOCABULARY))
    weights = generator.random((WORDS, CELLS))
    weights /= weights.sum(axis=1, keepdims=True)
    return logits, generator.integers(0, VOCABULARY, WORDS), weights


def written_out(logits, targets, weights, smoothing, weight):
    loss = 0.0
    for row, target in zip(logits, targets):
        probabilities = np.exp(row) / np.exp(row).sum()
        wanted = np.full(VOCABULARY, smoothing / VOCABULARY)
        wanted[target] += 1 - smoothing
        loss -= wanted @ np.log(probabilities) / WORDS
    start = 0
    for length in LENGTHS:
        looked = weights[start : start + length - 1].sum(axis=0)
        loss += weight * ((1 - looked) ** 2).sum() / len(LENGTHS)
        start += length - 1
    return loss


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weight", [0.0, 0.7])
def test_the_loss_and_its_gradients(batch, smoothing, weight):
    logits, targets, weights = batch
    tensors = [paddle.to_tensor(values, "float32") for values in (logits, weights)]
    for tensor in tensors:
        tensor.stop_gradient = False
    loss = caption_loss(
        tensors[0],
        paddle.to_tensor(targets),
        tensors[1],
        paddle.to_tensor(LENGTHS),
        smoothing,
        weight,
    )
    loss.backward()

    assert loss.item() == pytest.approx(written_out(*batch, smoothing, weight), rel=1e-5)
    for values, tensor in zip((logits, weights), tensors):
        if tensor.grad is None:
            assert weight == 0
            continue
        slopes = np.zeros_like(values)
        for place in np.ndindex(values.shape):
            ends = []
            for change in (1e-5, -1e-5):
                values[place] += change
                ends.append(written_out(logits, targets, weights, smoothing, weight))
                values[place] -= change
            slopes[place] = (ends[0] - ends[1]) / 2e-5
        distance = np.linalg.norm(tensor.grad.numpy() - slopes)
        assert distance <= 1e-4 * max(np.linalg.norm(slopes), 1e-3)


def test_nothing_is_passed_over_where_all_is_looked_at_once():
    weights = paddle.full([4, 4], 0.25)
    assert cells_passed_over(weights, paddle.to_tensor([5])).item() == pytest.approx(0, abs=1e-6)
    assert cells_passed_over(weights, paddle.to_tensor([3, 3])).item() == pytest.approx(1)


def test_large_logits_stay_numbers():
    logits = paddle.to_tensor([[1e4, 0.0], [0.0, 1e4]])
    assert caption_loss(logits, paddle.to_tensor([0, 0])).item() == pytest.approx(5e3)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("words", [1, 7, 90])  # the last in several blocks
def test_one_way_over_the_logits_gives_what_tensors_give(smoothing, words):
    generator = np.random.default_rng(0)
    values = (5 * generator.standard_normal((words, 4000))).astype(np.float32)
    targets = paddle.to_tensor(generator.integers(0, 4000, words))
    found = []
    for compute in (cross_entropy, plain_cross_entropy):
        logits = paddle.to_tensor(values, stop_gradient=False)
        loss = compute(logits, targets, smoothing)
        (3 * loss).backward()
        found.append((loss.item(), logits.grad.numpy()))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-6)
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-3, atol=1e-9)
