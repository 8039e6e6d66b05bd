"""Several seeds by one command: each a run of its own, and what is interrupted goes on."""

import json
import signal

import numpy as np
import pytest
from tiny import make_config

from vsepp import InputError, load_checkpoint, train
from vsepp.training import loop as training
from vsepp.training.seeds import of_seed, train_seeds


@pytest.fixture
def steps_taken(monkeypatch):
    """The seeds of all steps, one after the other; the run is stopped after `.until` of them."""

    class Steps(list):
        until = None

    taken, take = Steps(), training.TrainingStep.__call__

    def hooked(self, batch, number):
        loss = take(self, batch, number)
        taken.append(self.config.seed)
        if len(taken) == taken.until:
            signal.raise_signal(signal.SIGTERM)
        return loss

    monkeypatch.setattr(training.TrainingStep, "__call__", hooked)
    return taken


def test_each_seed_has_checkpoints_of_its_own(tmp_path):
    config = of_seed(make_config("data", tmp_path), 3)

    assert config.seed == 3
    assert config.path("best_checkpoint") == tmp_path / "best_tiny_seed3.ckpt"
    assert config.path("last_checkpoint") == tmp_path / "last_tiny_seed3.ckpt"


def test_what_is_interrupted_goes_on_and_what_is_over_is_left_as_it_is(data, tmp_path, steps_taken):
    config = make_config(data, tmp_path, num_epochs=1, evaluate_step=4)
    steps_taken.until = 10  # of 7 steps an epoch
    with pytest.raises(SystemExit):
        list(train_seeds(config, [0, 5]))
    assert steps_taken == [0] * 7 + [5] * 3

    runs = list(train_seeds(config, [0, 5]))

    assert steps_taken == [0] * 7 + [5] * 7
    assert [run.config.seed for run in runs] == [0, 5]
    assert [run.trained for run in runs] == [False, True]
    for run in runs:
        assert run.minutes > 0
        stored = tmp_path / f"best_tiny_seed{run.config.seed}.tiny_test.json"
        kept = json.loads(stored.read_text(encoding="utf-8"))
        assert kept == {**run.result, "minutes": run.minutes}
    alone = make_config(data, tmp_path / "alone", num_epochs=1, evaluate_step=4, seed=5)
    metrics = train(alone)
    assert {key: runs[1].result[key] for key in ("i2t", "t2i", "rsum")} == metrics
    ours, theirs = (
        load_checkpoint(each.path("last_checkpoint")) for each in (runs[1].config, alone)
    )
    assert ours["position"] == theirs["position"]
    for name, value in theirs["model"].items():
        np.testing.assert_array_equal(ours["model"][name], value)


def test_another_configuration_trains_anew_and_moves_the_old_aside(data, tmp_path, steps_taken):
    config = make_config(data, tmp_path, num_epochs=1, evaluate_step=100)
    list(train_seeds(config, [0]))

    (run,) = train_seeds(config.replaced(margin=0.3), [0])

    assert run.trained and len(steps_taken) == 14
    assert (tmp_path / "last_tiny_seed0.ckpt.1").exists()
    run.config.path("best_checkpoint").unlink()

    (again,) = train_seeds(config.replaced(margin=0.3), [0])

    assert again.trained and len(steps_taken) == 21 and again.result == run.result


def test_what_cannot_be_is_refused(data, tmp_path):
    config = make_config(data, tmp_path)

    with pytest.raises(InputError, match="--seeds has 2 more than once"):
        next(train_seeds(config, [2, 1, 2]))
    with pytest.raises(InputError, match="checkpoint is of one run: leave it out"):
        next(train_seeds(config.replaced(checkpoint="last"), [1, 2]))
    with pytest.raises(InputError, match="seed"):
        next(train_seeds(config, [-1]))
