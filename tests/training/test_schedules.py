"""Rates for steps, AdamW, and parameters with a rate of their own."""

import math
from types import SimpleNamespace

import numpy as np
import paddle
import pytest
from paddle import nn

from vsepp import InputError, get_optimizer
from vsepp.models.state import get_state
from vsepp.training.optimizer import optimizer_state, restore_optimizer
from vsepp.training.schedules import counts_steps


def make(seed=0):
    paddle.seed(seed)
    return nn.Sequential(nn.Linear(4, 3), nn.LayerNorm(3), nn.Linear(3, 2))


def settings(**changes):
    values = dict(learning_rate=0.8, min_learning_rate=0.2, num_epochs=4, lr_update=2, lr_decay=0.5)
    return SimpleNamespace(**{**values, **changes})


def rates(optimizer, count):
    found = []
    for _ in range(count):
        found.append(optimizer.get_lr())
        optimizer._learning_rate.step()
    return found


def take_step(model, optimizer, number):
    rows = np.random.default_rng(number).standard_normal((5, 4)).astype(np.float32)
    (model(paddle.to_tensor(rows)) ** 2).sum().backward()
    optimizer.step()
    optimizer.clear_grad()


def test_the_cosine_goes_from_the_rate_to_the_floor_step_by_step():
    optimizer = get_optimizer(make(), settings(schedule="cosine"), steps_per_epoch=5)

    found = rates(optimizer, 22)

    expected = [0.2 + 0.6 * (1 + math.cos(math.pi * step / 20)) / 2 for step in range(20)]
    assert found == pytest.approx([*expected, 0.2, 0.2], rel=1e-12)
    assert counts_steps(optimizer)


def test_the_rate_rises_before_the_cosine_which_has_the_steps_that_are_left():
    config = settings(schedule="cosine", warmup_steps=4)

    found = rates(get_optimizer(make(), config, 5), 20)

    assert found[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 0.8])
    assert found[12] == pytest.approx(0.5) and found[19] > 0.2


def test_the_rate_rises_before_cuts_between_epochs_as_well():
    found = rates(get_optimizer(make(), settings(warmup_steps=2), 3), 12)

    assert found == pytest.approx([0.4, *5 * [0.8], *6 * [0.4]])


def test_a_floor_above_the_rate_is_none():
    config = settings(schedule="cosine", min_learning_rate=2.0)

    assert rates(get_optimizer(make(), config, 2), 8) == pytest.approx([0.8] * 8)


@pytest.mark.parametrize(
    "changes, steps, message",
    [
        (dict(schedule="cosine"), None, "give get_optimizer the number"),
        (dict(warmup_steps=1), None, "give get_optimizer the number"),
        (
            dict(warmup_steps=12),
            3,
            "nothing of the 12 steps of the run: set it lower, such as warmup_steps=1",
        ),
        (dict(weight_decay=0.1), 3, "weight_decay is of AdamW: set optimizer=adamw"),
    ],
)
def test_what_cannot_be_is_refused(changes, steps, message):
    with pytest.raises(InputError, match=message):
        get_optimizer(make(), settings(**changes), steps)


def test_without_the_new_keys_it_is_adam_with_rates_of_epochs():
    for optimizer in (get_optimizer(make(), settings()), get_optimizer(make(), settings(), 7)):
        assert type(optimizer) is paddle.optimizer.Adam and not counts_steps(optimizer)
        assert rates(optimizer, 5) == pytest.approx([0.8, 0.8, 0.4, 0.4, 0.2])


def test_adamw_decays_matrices_and_leaves_biases_and_gains():
    models = make(), make()
    decays = 0.0, 0.5
    for model, decay in zip(models, decays):
        config = settings(optimizer="adamw", weight_decay=decay, learning_rate=0.1)
        optimizer = get_optimizer(model, config)
        assert type(optimizer) is paddle.optimizer.AdamW
        take_step(model, optimizer, 1)

    begun, plain, decayed = map(get_state, (make(), *models))
    for name, value in begun.items():
        shrunk = 0.1 * 0.5 * value if value.ndim > 1 else 0.0
        np.testing.assert_allclose(decayed[name], plain[name] - shrunk, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", ["adam", "adamw"])
def test_a_parameter_may_have_a_rate_of_its_own(kind):
    models = make(), make()
    models[1][0].weight.optimize_attr["learning_rate"] = 0.1
    for model in models:
        take_step(model, get_optimizer(model, settings(optimizer=kind, learning_rate=0.01)), 1)

    begun, plain, slow = (get_state(model) for model in (make(), *models))
    moved = slow["0.weight"] - begun["0.weight"]
    np.testing.assert_allclose(moved, 0.1 * (plain["0.weight"] - begun["0.weight"]), atol=1e-7)
    np.testing.assert_array_equal(slow["2.weight"], plain["2.weight"])


def test_adamw_and_its_rates_go_on_to_the_bit():
    config = settings(optimizer="adamw", weight_decay=0.1, schedule="cosine", warmup_steps=2)
    model = make()
    optimizer = get_optimizer(model, config, 2)

    def go(model, optimizer, numbers):
        for number in numbers:
            take_step(model, optimizer, number)
            optimizer._learning_rate.step()

    go(model, optimizer, range(3))
    weights, state = model.state_dict(), optimizer_state(model, optimizer)
    again = make(seed=5)
    again.set_state_dict(weights)
    resumed = get_optimizer(again, config, 2)
    restore_optimizer(again, resumed, state, 3)
    assert resumed.get_lr() == optimizer.get_lr()

    go(model, optimizer, range(3, 6))
    go(again, resumed, range(3, 6))

    for name, value in get_state(model).items():
        np.testing.assert_array_equal(get_state(again)[name], value)
