"""Weights move whole or not at all, and a refusal names the parameter."""

import numpy as np
import paddle
import pytest
from paddle import nn

from vsepp import InputError
from vsepp.models.state import get_state, set_state


def make(seed=0):
    paddle.seed(seed)
    return nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1D(2))


def test_a_state_makes_another_network_the_same():
    first, second = make(0), make(1)
    first(paddle.ones([4, 3]) * 2)  # moves the running statistics
    assert not np.array_equal(get_state(first)["0.weight"], get_state(second)["0.weight"])

    set_state(second, get_state(first), "file")

    for name, value in get_state(first).items():
        np.testing.assert_array_equal(get_state(second)[name], value)
    assert "1._mean" in get_state(first)


def test_a_state_is_a_copy():
    network = make()
    state = get_state(network)
    before = state["0.weight"].copy()

    network[0].weight.set_value(np.zeros([3, 2], np.float32))

    np.testing.assert_array_equal(state["0.weight"], before)


def wrong(change):
    state = get_state(make(1))
    change(state)
    return state


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda state: state.pop("1._mean"), r"last\.ckpt lacks the parameter 1\._mean"),
        (lambda state: state.update(extra=np.zeros(1)), r"last\.ckpt has the parameter extra"),
        (
            lambda state: state.update({"0.weight": np.zeros((2, 3), np.float32)}),
            r"last\.ckpt: 0\.weight has the shape \(2, 3\), the model wants \(3, 2\)",
        ),
    ],
    ids=["missing", "unknown", "misshapen"],
)
def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(change, message):
    network = make(0)
    before = get_state(network)

    with pytest.raises(InputError, match=message):
        set_state(network, wrong(change), "last.ckpt")

    for name, value in get_state(network).items():
        np.testing.assert_array_equal(value, before[name])


def test_optional_names_may_be_missing_from_either_side():
    network, state = make(0), get_state(make(1))
    before = get_state(network)
    del state["1.weight"], state["1.bias"], state["1._mean"], state["1._variance"]
    state["1.other"] = np.zeros(1)

    set_state(network, state, "file", optional=("1.",))

    np.testing.assert_array_equal(get_state(network)["0.weight"], state["0.weight"])
    np.testing.assert_array_equal(get_state(network)["1.weight"], before["1.weight"])


def test_an_optional_parameter_that_is_there_must_fit():
    state = get_state(make(1))
    state["1.weight"] = np.zeros(5, np.float32)

    with pytest.raises(InputError, match=r"1\.weight has the shape"):
        set_state(make(0), state, "file", optional=("1.",))


def test_weights_that_are_no_numbers_are_refused():
    layer = make()
    state = get_state(layer)
    state["0.weight"][0, 1] = np.nan

    with pytest.raises(InputError, match="file.ckpt: 0.weight holds NaN or infinity"):
        set_state(layer, state, "file.ckpt")
