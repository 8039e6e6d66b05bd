"""Pooling: padding is ignored, and GPO is the weighted average of sorted values that it says."""

import numpy as np
import paddle
import pytest

from vsepp.models.pooling import GPO, POOLINGS, below_all, build_pooling
from vsepp.system.errors import InputError

LENGTHS = np.array([3, 1, 5, 3], np.int64)


@pytest.fixture
def values():
    return np.random.default_rng(0).normal(size=(4, 5, 6)).astype("float32")


def _pooled(name, values, lengths=LENGTHS):
    paddle.seed(0)
    layer = build_pooling(name)
    return layer(paddle.to_tensor(values), paddle.to_tensor(lengths)).numpy()


@pytest.mark.parametrize("name", POOLINGS)
def test_padding_is_ignored(name, values):
    other = values.copy()
    for row, length in enumerate(LENGTHS):
        other[row, length:] = 1e4
    np.testing.assert_array_equal(_pooled(name, values), _pooled(name, other))


@pytest.mark.parametrize("precision", ["float32", "float16", "bfloat16"])
def test_padding_stands_below_every_value_of_any_precision(precision):
    values = paddle.to_tensor([-6.5e4, 7.0]).astype(precision)

    found = below_all(values)

    assert found.dtype == values.dtype
    assert (found.astype("float32") < values.astype("float32")).all()


@pytest.mark.parametrize("name", POOLINGS)
def test_more_columns_change_nothing(name, values):
    wider = np.concatenate([values, np.ones((4, 3, 6), np.float32)], 1)
    np.testing.assert_allclose(_pooled(name, values), _pooled(name, wider), atol=1e-6)


@pytest.mark.parametrize("name, of", [("mean", np.mean), ("max", np.max)])
def test_mean_and_max(name, of, values):
    expected = [of(row[:length], axis=0) for row, length in zip(values, LENGTHS)]
    np.testing.assert_allclose(_pooled(name, values), expected, atol=1e-6)


def test_gpo_is_the_weighted_sum_of_sorted_values(values):
    paddle.seed(0)
    layer = GPO()
    expected = [
        layer.weights(int(length)).numpy() @ np.sort(row[:length], axis=0)[::-1]
        for row, length in zip(values, LENGTHS)
    ]
    given = layer(paddle.to_tensor(values), paddle.to_tensor(LENGTHS))
    np.testing.assert_allclose(given.numpy(), expected, atol=1e-6)


def test_gpo_of_one_value_is_the_value_and_weights_sum_to_one(values):
    layer = GPO()
    np.testing.assert_allclose(layer.weights(1).numpy(), [1])
    np.testing.assert_allclose(layer.weights(7).numpy().sum(), 1, rtol=1e-6)
    assert len(layer.weights(7)) == 7


def test_weights_of_several_lengths_are_those_of_each():
    layer = GPO()
    table = layer.table([2, 9, 4]).numpy()
    for row, length in zip(table, [2, 9, 4]):
        np.testing.assert_allclose(row[:length], layer.weights(length).numpy(), atol=1e-6)
        assert not row[length:].any()


def test_gradients_reach_values_and_weights(values):
    paddle.seed(0)
    layer = GPO()
    given = paddle.to_tensor(values, stop_gradient=False)
    layer(given, paddle.to_tensor(LENGTHS)).square().sum().backward()
    grad = given.grad.numpy()
    assert not grad[1, 1:].any() and grad[1, 0].all()
    assert all(np.abs(p.grad.numpy()).max() > 0 for p in layer.parameters())


def test_an_unknown_pooling_is_refused():
    with pytest.raises(InputError, match="take mean, max, gpo"):
        build_pooling("median")
