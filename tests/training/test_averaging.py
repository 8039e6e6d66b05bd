"""The moving average of the weights: what it is, what it leaves alone, and that it goes on."""

import numpy as np
import paddle
import pytest
from paddle import nn

from vsepp import InputError
from vsepp.models.state import get_state
from vsepp.training.averaging import WeightAverage


def make(seed=0):
    paddle.seed(seed)
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1D(3), nn.Linear(3, 2))
    model[0].bias.stop_gradient = True
    return model


def move(model, step):
    """What a step of training does to the weights, one way or the other."""
    generator = np.random.default_rng(step)
    for parameter in model.parameters():
        if not parameter.stop_gradient:
            noise = generator.standard_normal(parameter.shape).astype(np.float32)
            parameter.set_value(parameter.numpy() + noise)


TRAINED = ["0.weight", "1.weight", "1.bias", "2.weight", "2.bias"]


@pytest.mark.parametrize("decay", [0.3, 0.999])
def test_it_is_the_average_written_out(decay):
    model = make()
    average = WeightAverage(model, decay)
    expected = {name: get_state(model)[name].astype(np.float64) for name in TRAINED}

    for step in range(1, 9):
        move(model, step)
        average.update(step)
        kept = min(decay, (1 + step) / (10 + step))
        for name, value in expected.items():
            expected[name] = kept * value + (1 - kept) * get_state(model)[name]

    found = average.state()
    assert sorted(found) == sorted(TRAINED)  # nothing that is frozen, and no statistics
    for name in TRAINED:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-5, atol=1e-6)


def test_in_place_the_network_has_it_and_afterwards_its_own_to_the_bit():
    model = make()
    average = WeightAverage(model, 0.9)
    move(model, 1)
    average.update(1)
    own = get_state(model)

    with pytest.raises(KeyboardInterrupt), average.in_place():
        within = get_state(model)
        raise KeyboardInterrupt

    for name, value in own.items():
        wanted = average.state()[name] if name in TRAINED else value
        np.testing.assert_array_equal(within[name], wanted)
        np.testing.assert_array_equal(get_state(model)[name], value)
    assert not np.array_equal(within["2.weight"], own["2.weight"])


def test_it_goes_on_to_the_bit_from_what_was_stored():
    model, other = make(), make(seed=1)
    average = WeightAverage(model, 0.9)
    for step in (1, 2):
        move(model, step)
        average.update(step)
    again = WeightAverage(other, 0.9)
    again.restore(average.state(), "memory")
    other.set_state_dict(model.state_dict())

    for each, network in ((average, model), (again, other)):
        move(network, 3)
        each.update(3)

    for name, value in average.state().items():
        np.testing.assert_array_equal(again.state()[name], value)


def test_an_average_of_another_network_is_refused():
    state = WeightAverage(make(), 0.9).state()
    del state["1.bias"]

    with pytest.raises(InputError, match=r"last\.ckpt: the average of 1\.bias is missing"):
        WeightAverage(make(), 0.9).restore(state, "last.ckpt")
