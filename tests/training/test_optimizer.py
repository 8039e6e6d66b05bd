"""The learning rate over epochs, clipping, and a state that survives a new process."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import paddle
import pytest
from paddle import nn

from vsepp import InputError, get_optimizer
from vsepp.models.state import get_state, set_state
from vsepp.training.optimizer import optimizer_state, restore_optimizer


def make(seed=0):
    paddle.seed(seed)
    return nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))


def train_steps(model, optimizer, steps, first=0):
    for step in range(first, first + steps):
        rows = np.random.default_rng(step).standard_normal((5, 4)).astype(np.float32)
        (model(paddle.to_tensor(rows)) ** 2).sum().backward()
        optimizer.step()
        optimizer.clear_grad()


def rates(optimizer, epochs):
    found = []
    for _ in range(epochs):
        found.append(optimizer.get_lr())
        optimizer._learning_rate.step()
    return found


@pytest.mark.parametrize(
    "config, expected",
    [
        (
            dict(learning_rate=0.8, lr_update=2, lr_decay=0.5, min_learning_rate=0.15),
            [0.8, 0.8, 0.4, 0.4, 0.2, 0.2, 0.15, 0.15, 0.15],
        ),
        (
            dict(learning_rate=1e-3, lr_update=1, lr_decay=0.1, min_learning_rate=0.0),
            [1e-3, 1e-4, 1e-5, 1e-6],
        ),
        (
            dict(learning_rate=0.1, lr_update=3, lr_decay=0.5, min_learning_rate=0.5),
            [0.1, 0.1, 0.1, 0.1, 0.1],
        ),  # begins below the floor
    ],
    ids=["cuts and floor", "a tenth each epoch", "below the floor"],
)
def test_the_learning_rate_over_epochs(config, expected):
    optimizer = get_optimizer(make(), SimpleNamespace(**config))

    assert rates(optimizer, len(expected)) == pytest.approx(expected, rel=1e-12)


def test_missing_attributes_take_the_documented_defaults():
    optimizer = get_optimizer(make(), object())

    found = rates(optimizer, 61)

    assert found[0] == found[14] == 2e-5
    assert found[15] == found[29] == pytest.approx(1e-5)
    assert found[30] == pytest.approx(5e-6)
    assert found[45] == pytest.approx(2.5e-6)
    assert found[60] == 2e-6  # 1.25e-6 is under the floor
    assert optimizer._grad_clip.clip_norm == 2.0
    assert type(optimizer) is paddle.optimizer.Adam


@pytest.mark.parametrize("epochs", [0, 1, 2, 5, 9])
def test_the_learning_rate_goes_on_after_a_restore(epochs):
    config = SimpleNamespace(learning_rate=0.8, lr_update=2, lr_decay=0.5, min_learning_rate=0.03)
    model = make()
    optimizer = get_optimizer(model, config)
    train_steps(model, optimizer, 1)
    expected = rates(optimizer, 12)
    again = get_optimizer(model, config)

    restore_optimizer(model, again, optimizer_state(model, optimizer), epochs)

    assert rates(again, 12 - epochs) == expected[epochs:]


@pytest.mark.parametrize("scale", [0.001, 10.0])
def test_gradients_are_clipped_to_the_global_norm(scale):
    model = make()
    optimizer = get_optimizer(model, SimpleNamespace(learning_rate=0.1, grad_clip=0.5))
    rows = np.random.default_rng(0).standard_normal((5, 4)).astype(np.float32)
    (model(paddle.to_tensor(rows)) * scale).sum().backward()
    gradients = [parameter.grad.numpy() for parameter in model.parameters()]
    norm = np.sqrt(sum((gradient.astype(np.float64) ** 2).sum() for gradient in gradients))
    assert (norm > 0.5) == (scale == 10.0)

    optimizer.step()

    factor = min(1.0, 0.5 / norm)
    moments = optimizer_state(model, optimizer)["moment1_0"]
    for (name, _), gradient in zip(model.named_parameters(), gradients):
        np.testing.assert_allclose(moments[name], 0.1 * factor * gradient, rtol=1e-5, atol=1e-9)


def test_only_what_can_be_trained_is():
    model = make()
    for parameter in model[0].parameters():
        parameter.stop_gradient = True
    optimizer = get_optimizer(model, SimpleNamespace(learning_rate=0.1))
    before = get_state(model)

    train_steps(model, optimizer, 1)

    after = get_state(model)
    assert [name for name in before if not np.array_equal(before[name], after[name])] == [
        "1.weight",
        "1.bias",
    ]
    assert set(optimizer_state(model, optimizer)["moment1_0"]) == {"1.weight", "1.bias"}


CONFIG = SimpleNamespace(learning_rate=0.05, lr_update=1, grad_clip=0.5)


def test_training_continues_to_the_bit_when_other_layers_were_built_before():
    model = make()
    optimizer = get_optimizer(model, CONFIG)
    train_steps(model, optimizer, 3)
    weights, state = get_state(model), optimizer_state(model, optimizer)
    train_steps(model, optimizer, 3, first=3)

    nn.Linear(7, 7)  # so that Paddle makes up other names
    again = make(seed=5)
    assert {parameter.name for parameter in again.parameters()}.isdisjoint(
        parameter.name for parameter in model.parameters()
    )
    set_state(again, weights, "memory")
    resumed = get_optimizer(again, CONFIG)
    restore_optimizer(again, resumed, state, 0)
    train_steps(again, resumed, 3, first=3)

    for name, value in get_state(model).items():
        np.testing.assert_array_equal(get_state(again)[name], value)
    for slot, values in optimizer_state(model, optimizer).items():
        for name, value in values.items():
            np.testing.assert_array_equal(optimizer_state(again, resumed)[slot][name], value)


def test_what_was_restored_can_be_stored_again_before_any_step():
    model = make()
    optimizer = get_optimizer(model, CONFIG)
    train_steps(model, optimizer, 2)
    state = optimizer_state(model, optimizer)
    again = get_optimizer(model, CONFIG)

    restore_optimizer(model, again, state, 0)

    found = optimizer_state(model, again)
    assert found.keys() == state.keys()
    for slot, values in state.items():
        assert found[slot].keys() == values.keys()
        for name, value in values.items():
            np.testing.assert_array_equal(found[slot][name], value)


CONTINUE = """
import sys
sys.path[:0] = [{tests!r}, {root!r}]
import numpy as np
from paddle import nn
nn.Linear(7, 7)
from test_optimizer import CONFIG, make, train_steps
from vsepp import get_optimizer, load_checkpoint
from vsepp.models.state import get_state, set_state
from vsepp.training.optimizer import restore_optimizer
stored = load_checkpoint({path!r})
model = make(seed=5)
set_state(model, stored["model"], "file")
optimizer = get_optimizer(model, CONFIG)
restore_optimizer(model, optimizer, stored["optimizer"], 0)
train_steps(model, optimizer, 3, first=3)
np.savez({result!r}, **get_state(model))
"""


def test_training_continues_to_the_bit_in_another_process(tmp_path):
    from vsepp.checkpoint import save_checkpoint

    model = make()
    optimizer = get_optimizer(model, CONFIG)
    train_steps(model, optimizer, 3)
    path, result = tmp_path / "last.ckpt", tmp_path / "result.npz"
    save_checkpoint(
        path, get_state(model), {}, {}, 1, 3, optimizer=optimizer_state(model, optimizer)
    )
    train_steps(model, optimizer, 3, first=3)

    here = Path(__file__).parent
    code = CONTINUE.format(
        tests=str(here), root=str(here.parent), path=str(path), result=str(result)
    )
    subprocess.run([sys.executable, "-c", code], check=True)

    found = np.load(result)
    for name, value in get_state(model).items():
        np.testing.assert_array_equal(found[name], value)


def test_a_state_of_another_model_is_refused_by_name():
    model = make()
    optimizer = get_optimizer(model, CONFIG)
    train_steps(model, optimizer, 1)
    state = optimizer_state(model, optimizer)
    other = nn.Sequential(nn.Linear(4, 5), nn.Linear(5, 2))

    with pytest.raises(InputError, match=r"moment1_0 of 0\.weight is missing or of another shape"):
        restore_optimizer(other, get_optimizer(other, CONFIG), state, 0)
    del state["moment2_0"]["1.bias"]
    with pytest.raises(InputError, match=r"moment2_0 of 1\.bias is missing"):
        restore_optimizer(model, get_optimizer(model, CONFIG), state, 0)
