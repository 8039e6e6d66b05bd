"""Runs by the keys of better recipes: averaged weights, rates for steps, losses that take turns."""

import dataclasses
import re
import signal

import numpy as np
import paddle
import pytest
from tiny import CAPTIONS, TRAIN, make_config
from whole_runs import Run, assert_same_run

import vsepp
from vsepp import InputError, TripletNetLoss, load_checkpoint, train
from vsepp.checkpoint import save_checkpoint
from vsepp.models.state import get_state
from vsepp.training import build_trainer
from vsepp.training.optimizer import SLOTS

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


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    return Run(make_config(data, tmp_path_factory.mktemp("whole"), **RECIPE))


class Killed(BaseException):
    """What no code expects, like SIGKILL."""


@pytest.mark.parametrize(
    "steps, killed",
    [(2, False), (STEPS, False), (STEPS - 1, True), (STEPS + 2, True)],
    ids=["stopped early", "stopped between losses", "killed", "killed in the second loss"],
)
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

    found = Run(dataclasses.replace(config, checkpoint="last"))

    assert_same_run(found.last, whole.last)
    assert found.best["fingerprint"] == whole.best["fingerprint"]
    assert found.metrics == whole.metrics


def test_the_losses_take_turns_and_the_temperature_rests_behind_its_own(data, tmp_path, after):
    seen = []
    after(
        lambda task, step: seen.append(
            (type(task.criterion).__name__, task.model.logit_scale.item())
        )
    )

    train(make_config(data, tmp_path, **RECIPE))

    assert [name for name, _ in seen] == ["NPairLoss"] * STEPS + ["TripletNetLoss"] * STEPS
    scales = [scale for _, scale in seen]
    assert len(set(scales[:STEPS])) == STEPS and len(set(scales[STEPS - 1 :])) == 1


def test_the_average_is_what_is_kept_as_best(whole, data, tmp_path):
    config = make_config(data, tmp_path, num_epochs=1, evaluate_step=100, ema=0.9)

    run = Run(config)

    assert run.best["step"] == run.last["step"] == STEPS
    assert set(run.last["ema"]) == set(run.last["model"])  # all that is trained over features
    for name, value in run.last["ema"].items():
        np.testing.assert_array_equal(run.best["model"][name], value)
        assert not np.array_equal(run.last["model"][name], value)
    assert "ema" not in run.best


def test_a_checkpoint_without_its_average_does_not_resume(data, tmp_path):
    config = make_config(data, tmp_path, num_epochs=1)
    train(config)

    with pytest.raises(InputError, match="was trained with ema = 0.0, now it is 0.9"):
        train(dataclasses.replace(config, checkpoint="last", num_epochs=2, ema=0.9))


def test_a_key_that_a_checkpoint_does_not_know_was_as_its_default_is(data, tmp_path):
    config = make_config(data, tmp_path, num_epochs=1)
    train(config)
    contents = load_checkpoint(config.path("last_checkpoint"))
    for key in ("ema", "optimizer", "weight_decay", "schedule"):
        del contents["config"][key]
    contents.pop("format"), contents.pop("fingerprint")
    save_checkpoint(config.path("last_checkpoint"), **contents)

    with pytest.raises(InputError, match="was trained with optimizer = 'adam', now it is 'adamw'"):
        train(dataclasses.replace(config, checkpoint="last", num_epochs=2, optimizer="adamw"))
    assert Run(dataclasses.replace(config, checkpoint="last", num_epochs=2)).last["step"] == 14


def test_a_cosine_does_not_resume_with_other_epochs(data, tmp_path):
    config = make_config(data, tmp_path, num_epochs=1, schedule="cosine")
    train(config)

    with pytest.raises(InputError, match="was trained with num_epochs = 1, now it is 2"):
        train(dataclasses.replace(config, checkpoint="last", num_epochs=2))


def test_a_run_may_begin_with_weights_that_have_a_temperature_or_none(data, tmp_path, whole):
    with_one = str(whole.config.path("best_checkpoint"))
    config = make_config(data, tmp_path, num_epochs=1, init_from=with_one)
    first = build_trainer(config)
    first.run()
    assert "logit_scale" not in get_state(first.task.model)

    config = make_config(
        data, tmp_path / "next", loss="both", init_from=str(config.path("best_checkpoint"))
    )
    trainer = build_trainer(config)

    log = (trainer.folder.path / "log.txt").read_text(encoding="utf-8")
    assert "has no temperature: that of the N-pair loss begins anew" in log
    assert trainer.task.model.logit_scale.item() == pytest.approx(np.log(1 / 0.07))


def test_the_temperature_of_a_warm_up_says_nothing_afterwards(whole):
    model = vsepp.load(str(whole.config.path("best_checkpoint")))
    scores = np.array([0.1, 0.3], np.float32)

    assert "logit_scale" in whole.best["model"]
    np.testing.assert_array_equal(model.probabilities(scores), model.probabilities(scores, 0.05))


# ---- ends before its epochs are over ------------------------------------------------------------


STANDING = dict(learning_rate=1e-9, min_learning_rate=0.0)  # so that no validation is a better one


@pytest.mark.parametrize("early_stop, step", [(1, 6), (2, STEPS)], ids=["within", "at the end"])
def test_a_run_ends_where_validations_bring_nothing_and_goes_on_on_request(
    data, tmp_path, early_stop, step
):
    config = make_config(data, tmp_path, early_stop=early_stop, **STANDING)

    run = Run(config)

    assert run.last["step"] == step
    assert f"early_stop: {early_stop} validations brought nothing better than " in run.log
    assert "on the test split:" in run.log
    again = Run(dataclasses.replace(config, checkpoint="last"))
    assert again.last["step"] == step and "step 1/" not in again.log
    further = Run(dataclasses.replace(config, checkpoint="last", early_stop=0))
    undisturbed = Run(make_config(data, tmp_path / "undisturbed", **STANDING))
    assert_same_run(further.last, undisturbed.last)


def test_validations_are_counted_over_a_resumption(data, tmp_path, after, monkeypatch):
    config = make_config(data, tmp_path, early_stop=2, evaluate_step=2, **STANDING)
    after(lambda objective, step: signal.raise_signal(signal.SIGTERM) if step == 5 else None)
    with pytest.raises(SystemExit):
        train(config)
    monkeypatch.undo()

    assert Run(dataclasses.replace(config, checkpoint="last")).last["step"] == 6  # 2, 4, 6


def test_the_log_says_how_long_training_took(data, tmp_path):
    config = make_config(data, tmp_path, num_epochs=1)
    assert re.search(r"training took \d+\.\d minutes, with", Run(config).log)

    second = Run(dataclasses.replace(config, checkpoint="last", num_epochs=2))

    assert re.search(r"training took \d+\.\d minutes since it went on", second.log)


# ---- what stays as it was -----------------------------------------------------------------------


def test_a_run_without_these_keys_is_the_loop_written_out(data, tmp_path):
    config = make_config(data, tmp_path, lr_update=1, hard_negative_warmup=1, mask_same_image=True)
    run = Run(config)
    task = build_trainer(make_config(data, tmp_path / "again", hard_negative_warmup=1)).task
    model = task.model
    optimizer = paddle.optimizer.Adam(
        parameters=[each for each in model.parameters() if not each.stop_gradient],
        grad_clip=paddle.nn.ClipGradByGlobalNorm(2.0),
    )

    for epoch in range(2):
        model.train()
        optimizer.set_lr(0.005 * 0.5**epoch)
        for images, captions, lengths, image_ids in task.batches(epoch, 0):
            codes = model(images, captions, lengths)
            TripletNetLoss(0.2, hard_negative=epoch == 1)(*codes, image_ids).backward()
            optimizer.step()
            optimizer.clear_grad()

    found = get_state(model)
    assert found.keys() == run.last["model"].keys()
    for name, value in found.items():
        np.testing.assert_array_equal(run.last["model"][name], value, err_msg=name)
    assert "ema" not in run.last and set(run.last["optimizer"]) == set(SLOTS)
