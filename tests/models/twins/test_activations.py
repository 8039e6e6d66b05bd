"""Activations in place, and their slopes, to the last digits of float32."""

import math

import numpy as np
import pytest

from vsepp.models.transformer import ACTIVATIONS
from vsepp.models.twins.activations import activate

C = math.sqrt(2 / math.pi)


def _gelu(x):
    return x * 0.5 * math.erfc(-x / math.sqrt(2))


def _tanh_gelu(x):
    return 0.5 * x * (1 + math.tanh(C * (x + 0.044715 * x**3)))


def _quick_gelu(x):
    return x * 0.5 * (1 + math.tanh(0.5 * 1.702 * x))


EXACT = {
    "gelu": _gelu,
    "gelu_new": _tanh_gelu,
    "gelu_pytorch_tanh": _tanh_gelu,
    "quick_gelu": _quick_gelu,
    "relu": lambda x: max(x, 0.0),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_values_and_slopes(name):
    # more than a block of them; none at 0, where relu has no slope
    inputs = np.linspace(-13, 13, 40_000, dtype=np.float32).reshape(4, -1)
    values, slopes, without = inputs.copy(), np.empty_like(inputs), inputs.copy()

    activate(name, values, slopes)
    activate(name, without, None)

    exact, step = EXACT[name], 1e-4
    numbers = inputs.astype(np.float64).ravel().tolist()
    expected = np.array([exact(x) for x in numbers]).reshape(inputs.shape)
    expected_slopes = [(exact(x + step) - exact(x - step)) / (2 * step) for x in numbers]
    np.testing.assert_allclose(values, expected, rtol=2e-7, atol=5e-7)
    np.testing.assert_allclose(slopes.ravel(), expected_slopes, rtol=0, atol=2e-6)
    np.testing.assert_array_equal(without, values)


def test_gelu_loses_nothing_where_it_is_small():
    values = np.array([-3, -4, -5], np.float32)

    activate("gelu", values, None)

    np.testing.assert_allclose(values, list(map(_gelu, [-3, -4, -5])), rtol=0.005)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_huge_numbers_are_no_trouble(name):
    values, slopes = np.array([-1e4, 0, 1e4], np.float32), np.empty(3, np.float32)

    with np.errstate(all="raise", under="ignore"):
        activate(name, values, slopes)

    np.testing.assert_allclose(values, [0, 0, 1e4], atol=1e-30)
    np.testing.assert_allclose(slopes[[0, 2]], [0, 1], atol=1e-30)
