"""Runs by the keys of better recipes: averaged weights, rates for steps, losses that take turns."""

import dataclasses
import signal

import numpy as np
import pytest
from tiny import CAPTIONS, TRAIN, hardly_drawn, make_config, make_data

from vsepp import load_checkpoint, train
from vsepp.training import build_trainer
from vsepp.training import loop as training

STEPS = TRAIN * CAPTIONS // 8  # of an epoch
RECIPE = dict(
    hard_negative_warmup=1,
    hard_negative_warmup_loss="npair",
    mask_same_image=True,
    mask_equal_captions=True,
    ema=0.9,
    optimizer="adamw",
    weight_decay=0.01,
    schedule="cosine",
    warmup_steps=3,
)


@pytest.fixture(scope="module", autouse=True)
def without_pictures():
    with hardly_drawn():
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_data(tmp_path_factory.mktemp("tiny") / "data")


class Run:
    """A run to its end, and what it left."""

    def __init__(self, config):
        self.trainer = build_trainer(config)
        self.metrics = self.trainer.run()
        self.best = load_checkpoint(config.path("best_checkpoint"))
        self.last = load_checkpoint(config.path("last_checkpoint"))
        self.log = (self.trainer.folder.path / "log.txt").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    return Run(make_config(data, tmp_path_factory.mktemp("whole"), **RECIPE))


@pytest.fixture
def after(monkeypatch):
    """Call a function after each step of training: `after(lambda objective, step: …)`."""

    def set_hook(hook):
        take = training.TrainingStep.__call__

        def hooked(self, batch, number):
            loss = take(self, batch, number)
            hook(self.objective, number + 1)
            return loss

        monkeypatch.setattr(training.TrainingStep, "__call__", hooked)

    return set_hook


def assert_same(found, expected):
    """The last checkpoints of two runs are equal to the bit."""
    assert found["position"] == expected["position"]
    for part in ("model", "ema", *expected["optimizer"]):
        ours, theirs = (
            contents[part] if part in contents else contents["optimizer"][part]
            for contents in (found, expected)
        )
        assert ours.keys() == theirs.keys()
        for name, value in theirs.items():
            np.testing.assert_array_equal(ours[name], value, err_msg=f"{part} {name}")


class Killed(BaseException):
    """What no code expects, like SIGKILL."""


@pytest.mark.parametrize("steps", [2, STEPS - 1, STEPS, STEPS + 2])
@pytest.mark.parametrize("killed", [False, True], ids=["stopped", "killed"])
def test_a_run_that_ends_early_goes_on_as_if_nothing_had_been(
    data, tmp_path, after, monkeypatch, whole, steps, killed
):
    def end(objective, step):
        if step == steps and killed:
            raise Killed
        if step == steps:
            signal.raise_signal(signal.SIGTERM)

    config = make_config(data, tmp_path, **RECIPE)
    after(end)
    with pytest.raises(Killed if killed else SystemExit):
        train(config)
    monkeypatch.undo()
    there = config.path("last_checkpoint").exists()
    assert there or killed and steps == 2

    found = Run(dataclasses.replace(config, checkpoint="last" if there else None))

    assert_same(found.last, whole.last)
    assert found.best["fingerprint"] == whole.best["fingerprint"]
    assert found.metrics == whole.metrics
