"""A run from its first step to its test: what it writes, how it stops, and how it goes on."""

import dataclasses
import json
import random
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import paddle
import pytest
import yaml
from PIL import Image
from tiny import CAPTIONS, TRAIN, make_config, make_data
from whole_runs import Run, assert_same_run

from vsepp import InputError, load_checkpoint, train
from vsepp.metrics.scores import all_metrics
from vsepp.models.state import get_state, set_state
from vsepp.report import training_listener
from vsepp.training import build_trainer, saving
from vsepp.training import loop as training
from vsepp.training.data import open_splits

STEPS = TRAIN * CAPTIONS // 8  # of an epoch
FEATURES = {}
PHOTOGRAPHS = {"finetuned": True}
MODES = pytest.mark.parametrize("mode", [FEATURES, PHOTOGRAPHS], ids=["features", "photographs"])


DRAWN = training_listener.show_queries, training_listener.draw_curves


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    """Undisturbed runs, by mode: each is made when it is first asked for."""
    runs = {}

    def get(mode):
        key = json.dumps(mode)
        if key not in runs:
            runs[key] = Run(make_config(data, tmp_path_factory.mktemp("whole"), **mode))
        return runs[key]

    return get


def stop_after(after, number, steps):
    def hook(task, step):
        if step == steps:
            signal.raise_signal(number)

    after(hook)


# ---- a run --------------------------------------------------------------------------------------


def test_the_log_says_what_happened(whole):
    run = whole(FEATURES)

    assert (
        "training on tiny: 12 images, 60 captions, stored features of shufflenet_v2_x0_25, "
        "on cpu, seed 0; folder "
    ) in run.log
    for step in (2, 4, 6, 7):
        assert f" epoch 1/2 step {step}/7 loss " in run.log
    assert " epoch 1/2 step 3/7 loss " not in run.log
    assert run.log.count("validation at step") == 6  # 3, 6, 7, 9, 12, 14
    assert "rsum" in run.log and "the best so far" in run.log
    assert f"the best model, of step {run.best['step']}, on the test split:" in run.log


def test_photographs_are_said_to_be_photographs(whole):
    assert "photographs through shufflenet_v2_x0_25" in whole(PHOTOGRAPHS).log


def test_the_history_has_every_logged_step_and_every_validation(whole):
    history = whole(FEATURES).last["position"]["history"]

    losses = [row for row in history if "loss" in row]
    assert [row["step"] for row in losses] == [2, 4, 6, 7, 8, 10, 12, 14]
    assert [row["epoch"] for row in losses] == [1] * 4 + [2] * 4
    assert [row["step"] for row in history if "rsum" in row] == [3, 6, 7, 9, 12, 14]


def test_the_folder_holds_configuration_curves_and_visualdl(data, tmp_path, monkeypatch):
    monkeypatch.setattr(training_listener, "show_queries", DRAWN[0])
    monkeypatch.setattr(training_listener, "draw_curves", DRAWN[1])
    run = Run(make_config(data, tmp_path))

    assert run.folder.parent == Path(run.config.run_dir) / "tiny"
    assert yaml.safe_load((run.folder / "config.yml").read_text()) == run.config.to_dict()
    with Image.open(run.folder / "curves.png") as curves:
        assert min(curves.size) > 300
        curves.verify()
    (record,) = run.folder.glob("*vdlrecords*")
    from visualdl import LogReader

    reader = LogReader(file_path=str(record))
    losses = reader.get_data("scalar", "train/loss")
    history = [row for row in run.last["position"]["history"] if "loss" in row]
    assert [entry.id for entry in losses] == [row["step"] for row in history]
    assert [entry.value for entry in losses] == pytest.approx([row["loss"] for row in history])
    assert {"train/lr", "val/rsum", "val/r1_i2t", "test/rsum"} <= set(reader.get_tags()["scalar"])
    assert "val/queries" in reader.get_tags()["image"]
    (space,) = reader.get_data("embeddings", "joint_space")
    points = space.embeddings.embeddings
    shown = len(json.loads((Path(data) / "tiny/test_data.json").read_text())["IMAGES"])
    assert len(points) == 2 * shown and list(space.embeddings.label_meta) == ["text", "kind"]
    assert [point.label[1] for point in points] == ["image"] * shown + ["sentence"] * shown


def test_the_best_checkpoint_is_the_best_on_validation(whole):
    run = whole(FEATURES)
    scores = {row["step"]: row["rsum"] for row in run.last["position"]["history"] if "rsum" in row}

    assert run.best["metrics"]["rsum"] == max(scores.values())
    assert run.best["step"] == min(
        step for step, rsum in scores.items() if rsum == max(scores.values())
    )
    assert run.best["step"] == run.last["position"]["best_step"]
    assert "optimizer" not in run.best


def test_the_last_checkpoint_is_of_the_last_step(whole):
    run = whole(FEATURES)

    assert (run.last["epoch"], run.last["step"]) == (2, 2 * STEPS)
    assert run.last["position"]["epoch"] == 2 and run.last["position"]["step_in_epoch"] == 0
    assert run.last["config"] == run.config.to_dict()


def test_over_features_the_best_checkpoint_holds_the_backbone_and_the_last_names_it(whole):
    run = whole(FEATURES)

    assert any(name.startswith("image_extractor.backbone.") for name in run.best["model"])
    assert not any(name.startswith("image_extractor.backbone.") for name in run.last["model"])
    assert run.best["backbone"] == run.last["backbone"]
    assert run.last["backbone"]["backbone"] == "shufflenet_v2_x0_25"


def test_the_test_metrics_are_those_of_the_best_model(whole):
    from vsepp.models.encoders import encoders_for_training
    from vsepp.models.vsepp import build_model
    from vsepp.retrieval.encoding import encode_dataset

    run = whole(PHOTOGRAPHS)
    data = open_splits(run.config, ("test",))
    model = build_model(*encoders_for_training(run.config, data))
    set_state(model, run.best["model"], "best")

    codes = encode_dataset(model, data.splits["test"], 128)
    assert run.metrics == all_metrics(*codes, CAPTIONS, model.measure)


def test_the_learning_rate_is_cut_by_epochs(data, tmp_path):
    run = Run(
        make_config(
            data,
            tmp_path,
            num_epochs=4,
            lr_update=1,
            lr_decay=0.5,
            learning_rate=0.008,
            min_learning_rate=0.0015,
            evaluate_step=100,
        )
    )

    rates = {row["epoch"]: row["lr"] for row in run.last["position"]["history"] if "lr" in row}
    assert rates == pytest.approx({1: 0.008, 2: 0.004, 3: 0.002, 4: 0.0015})


@MODES
def test_the_loss_falls(data, tmp_path, mode):
    run = Run(
        make_config(
            data,
            tmp_path,
            num_epochs=8,
            hard_negative=False,
            evaluate_step=100,
            log_step=1,
            mask_same_image=True,
            **mode,
        )
    )

    losses = [row["loss"] for row in run.last["position"]["history"] if "loss" in row]
    assert len(losses) == 8 * STEPS
    assert np.mean(losses[-STEPS:]) < 0.8 * np.mean(losses[:STEPS])


@MODES
def test_the_same_seed_gives_the_same_run_and_another_seed_another(data, tmp_path, whole, mode):
    again = Run(make_config(data, tmp_path / "again", **mode))
    other = Run(make_config(data, tmp_path / "other", seed=1, **mode))

    assert_same_run(again.last, whole(mode).last)
    assert again.metrics == whole(mode).metrics
    name = "text_extractor.embedding.weight"
    assert not np.array_equal(other.last["model"][name], again.last["model"][name])


def test_a_frozen_backbone_may_see_random_crops(data, tmp_path):
    run = Run(make_config(data, tmp_path, features=False, num_epochs=1))

    fresh = get_state(build_trainer(make_config(data, tmp_path, features=False)).task.model)
    names = [name for name in fresh if name.startswith("image_extractor.backbone.")]
    assert len(names) > 50
    for name in names:
        np.testing.assert_array_equal(run.best["model"][name], fresh[name])
    assert not np.array_equal(
        run.best["model"]["image_extractor.fc.weight"], fresh["image_extractor.fc.weight"]
    )


def test_hard_negatives_set_in_after_the_warm_up(data, tmp_path, after):
    seen = []
    after(lambda task, step: seen.append(((step - 1) // STEPS, task.criterion.hard_negative)))

    train(make_config(data, tmp_path, num_epochs=4, hard_negative_warmup=2, evaluate_step=100))

    assert set(seen) == {(0, False), (1, False), (2, True), (3, True)}


def test_without_hard_negatives_there_is_no_switch(data, tmp_path, after):
    seen = set()
    after(lambda task, step: seen.add(task.criterion.hard_negative))

    train(
        make_config(data, tmp_path, hard_negative=False, hard_negative_warmup=1, evaluate_step=100)
    )

    assert seen == {False}


# ---- warnings and refusals ------------------------------------------------------------------


def all_alike(task, step):
    """Make every code the same: no weights, only the bias of the linear layer and the GRU."""
    if step == 1:
        for name, value in task.model.state_dict().items():
            if "backbone" not in name:
                fill = 1.0 if "bias" in name else 0.0
                value.set_value(np.full(value.shape, fill, np.float32))


def test_a_collapsed_model_is_warned_about_once(data, tmp_path, after):
    after(all_alike)

    run = Run(
        make_config(
            data,
            tmp_path,
            num_epochs=10,
            learning_rate=1e-9,
            min_learning_rate=0.0,
            evaluate_step=1000,
            log_step=10,
        )
    )

    assert run.log.count("warning: the loss has stood at 2 · batch_size · margin = 3.2") == 1
    # Logged at 7 (the end of the epoch), 10, 14 … 56, 60: the first more than 50 steps later.
    assert "= 3.2 for 53 steps" in run.log and (
        "again with hard_negative_warmup=2 hard_negative_warmup_loss=npair" in run.log
    )


@pytest.mark.parametrize(
    "loss, changes",
    [(3.1, {}), (3.2, {"hard_negative": False}), (3.2, {"hard_negative_warmup": 10})],
    ids=["another loss", "sum of hinges", "warm-up"],
)
def test_there_is_no_warning_otherwise(data, tmp_path, after, loss, changes):
    after(lambda task, step: paddle.to_tensor(loss))

    run = Run(make_config(data, tmp_path, num_epochs=10, evaluate_step=1000, **changes))

    assert f"loss {loss:.4f}" in run.log
    assert "warning:" not in run.log


def test_a_loss_that_now_and_then_is_that_of_a_collapse_is_not_warned_about(data, tmp_path, after):
    after(lambda task, step: paddle.to_tensor(2.9 if step % 40 == 0 else 3.2))

    run = Run(make_config(data, tmp_path, num_epochs=15, evaluate_step=1000))

    assert "warning:" not in run.log


@MODES
def test_a_loss_that_is_no_number_is_refused_with_epoch_and_step(data, tmp_path, after, mode):
    def poison(task, step):
        if step == STEPS + 2:
            weight = task.model.image_extractor.fc.weight
            weight.set_value(np.full(weight.shape, np.nan, np.float32))

    after(poison)
    config = make_config(data, tmp_path, evaluate_step=100, log_step=1, **mode)

    with pytest.raises(
        InputError, match=f"loss is nan in epoch 2 at step {STEPS + 3}.*learning_rate"
    ):
        train(config)

    last = load_checkpoint(config.path("last_checkpoint"))
    assert last["step"] == STEPS
    assert all(np.isfinite(value).all() for value in last["model"].values())


def test_the_images_of_a_batch_that_ends_a_run_are_named(data, tmp_path, after):
    def poison(task, step):
        if step == 4:
            weight = task.model.image_extractor.fc.weight
            weight.set_value(np.full(weight.shape, np.nan, np.float32))

    after(poison)
    config = make_config(data, tmp_path, evaluate_step=100, log_step=1, mask_same_image=True)

    with pytest.raises(InputError, match=r"at step 5, whose batch has the images .*\d\d\.png"):
        train(config)


def test_a_model_that_diverges_between_two_lines_of_the_log_is_not_validated(data, tmp_path, after):
    def poison(task, step):
        if step == STEPS + 2:
            weight = task.model.image_extractor.fc.weight
            weight.set_value(np.full(weight.shape, np.nan, np.float32))

    after(poison)
    config = make_config(data, tmp_path, evaluate_step=9, log_step=100)

    with pytest.raises(InputError, match="gives NaN or infinity for the val split after step 9"):
        train(config)

    for path in (config.path("last_checkpoint"), config.path("best_checkpoint")):
        kept = load_checkpoint(path)
        assert kept["step"] <= STEPS
        assert all(np.isfinite(value).all() for value in kept["model"].values())


def test_a_stop_does_not_save_a_model_that_diverged(data, tmp_path, after):
    def poison(task, step):
        weight = task.model.image_extractor.fc.weight
        if step == STEPS + 1:
            weight.set_value(np.full(weight.shape, np.nan, np.float32))
        if step == STEPS + 2:
            signal.raise_signal(signal.SIGTERM)

    after(poison)
    config = make_config(data, tmp_path, evaluate_step=100, log_step=100)

    with pytest.raises(InputError, match="loss is nan"):
        train(config)

    assert load_checkpoint(config.path("last_checkpoint"))["step"] == STEPS


@pytest.mark.parametrize(
    "changes, message",
    [
        (dict(batch_size=61), "batch_size 61 is more than the 60 captions.*at most 60"),
        (dict(amp="bfloat16"), "amp: mixed precision needs a GPU: set amp=off"),
        (dict(dataset="other"), r"other is not a prepared data set.*tools/prepare\.py"),
        (dict(captions_per_image=4), "captions_per_image: .* was prepared with 5"),
        (dict(features=True, finetuned=True), "features.*finetuned=false"),
        (dict(image_size=48), "resize 36 is less than image_size 48"),
        (dict(image_model="resnet51"), "did you mean resnet50"),
        (dict(use_restval=True), "there is no restval split"),
        (dict(checkpoint="last"), "last_tiny.ckpt does not exist"),
        (dict(init_from="nowhere.ckpt"), "nowhere.ckpt does not exist"),
        (dict(best_checkpoint="one.ckpt", last_checkpoint="./one.ckpt"), "are both one.ckpt"),
        (dict(last_checkpoint=str(Path(__file__).parent)), "last_checkpoint: .* is a folder"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_cannot_be_run_is_refused_before_anything_is_written(data, tmp_path, changes, message):
    with pytest.raises(InputError, match=message):
        train(make_config(data, tmp_path, **changes))

    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(paddle.is_compiled_with_cuda(), reason="this Paddle can use a GPU")
def test_a_gpu_that_is_not_there_is_refused(data, tmp_path):
    with pytest.raises(InputError, match="device: gpu was asked for, but.*set device=cpu"):
        train(make_config(data, tmp_path, device="gpu"))


# ---- stopping -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "number, ending", [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)]
)
def test_a_signal_finishes_the_step_and_leaves_a_usable_checkpoint(
    data, tmp_path, after, number, ending
):
    config = make_config(data, tmp_path)
    stop_after(after, number, 5)
    handlers = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]

    with pytest.raises(ending) as ended:
        train(config)

    if ending is SystemExit:
        assert ended.value.code == 143
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == handlers
    last = load_checkpoint(config.path("last_checkpoint"))
    assert last["step"] == 5 and last["position"]["step_in_epoch"] == 5
    (folder,) = (tmp_path / "runs" / "tiny").iterdir()
    assert "stopped in epoch 1 at step 5; go on with -o checkpoint=" in (
        folder / "log.txt"
    ).read_text(encoding="utf-8")
    assert (folder / "curves.png").exists()


def test_a_stop_before_the_first_step_names_nothing_to_go_on_from(data, tmp_path, monkeypatch):
    config = make_config(data, tmp_path)
    monkeypatch.setattr(
        training.Trainer, "_train_epoch", lambda trainer, stop: signal.raise_signal(signal.SIGTERM)
    )

    with pytest.raises(SystemExit):
        train(config)

    assert not config.path("last_checkpoint").exists()
    (folder,) = (tmp_path / "runs" / "tiny").iterdir()
    log = (folder / "log.txt").read_text(encoding="utf-8")
    assert "stopped before the first step" in log and "checkpoint=" not in log


def test_a_second_ctrl_c_ends_at_once(data, tmp_path, after):
    config = make_config(data, tmp_path)
    before = signal.getsignal(signal.SIGINT)
    steps = []

    def hook(task, step):
        steps.append(step)
        signal.raise_signal(signal.SIGINT)
        steps.append("first")
        signal.raise_signal(signal.SIGINT)
        steps.append("second")

    after(hook)
    with pytest.raises(KeyboardInterrupt):
        train(config)

    assert steps == [1, "first"]
    assert not config.path("last_checkpoint").exists()
    assert signal.getsignal(signal.SIGINT) is before


# ---- going on -----------------------------------------------------------------------------------


def resume(config, after, monkeypatch, **changes):
    """Take the hook out and go on; returns the run."""
    monkeypatch.undo()
    return Run(dataclasses.replace(config, **{"checkpoint": "last", **changes}))


@MODES
@pytest.mark.parametrize(
    "steps",
    [1, 3, 5, STEPS, STEPS + 2, 2 * STEPS],
    ids=[
        "after the first step",
        "where a validation is due",
        "after a validation",
        "at the end of an epoch",
        "in the second epoch",
        "after the last step",
    ],
)
def test_a_stopped_run_goes_on_as_if_nothing_had_been(
    data, tmp_path, after, monkeypatch, whole, mode, steps
):
    config = make_config(data, tmp_path, **mode)
    stop_after(after, signal.SIGTERM, steps)
    with pytest.raises(SystemExit):
        train(config)
    assert load_checkpoint(config.path("last_checkpoint"))["step"] == steps

    found = resume(config, after, monkeypatch)

    assert_same_run(found.last, whole(mode).last)
    assert found.metrics == whole(mode).metrics
    assert found.best["fingerprint"] == whole(mode).best["fingerprint"]


class Killed(BaseException):
    """What no code expects, like SIGKILL."""


@MODES
@pytest.mark.parametrize("steps", [4, 2 * STEPS - 1])
def test_a_killed_run_goes_on_from_its_last_checkpoint(
    data, tmp_path, after, monkeypatch, whole, mode, steps
):
    def hook(task, step):
        if step == steps:
            raise Killed

    config = make_config(data, tmp_path, **mode)
    after(hook)
    with pytest.raises(Killed):
        train(config)

    found = resume(config, after, monkeypatch)

    assert_same_run(found.last, whole(mode).last)


def test_a_run_that_is_stopped_twice(data, tmp_path, after, monkeypatch, whole):
    config = make_config(data, tmp_path)
    for steps in (2, 9):
        stop_after(after, signal.SIGINT, steps)
        with pytest.raises(KeyboardInterrupt):
            train(config)
        monkeypatch.undo()
        config = make_config(data, tmp_path, checkpoint="last")

    assert_same_run(resume(config, after, monkeypatch).last, whole(FEATURES).last)


def test_more_epochs_go_on_at_the_boundary(data, tmp_path, after, monkeypatch, whole):
    config = make_config(data, tmp_path, num_epochs=1)
    train(config)

    found = resume(config, after, monkeypatch, num_epochs=2)

    assert_same_run(found.last, whole(FEATURES).last)
    assert "epoch 1/2" not in found.log and "epoch 2/2 step 1/7" in found.log
    assert (
        load_checkpoint(found.config.path("best_checkpoint"))["step"]
        == whole(FEATURES).best["step"]
    )


def test_a_finished_run_is_only_tested(data, tmp_path, after, monkeypatch):
    config = make_config(data, tmp_path)
    metrics = train(config)
    before = config.path("last_checkpoint").read_bytes()

    found = resume(config, after, monkeypatch)

    assert found.metrics == metrics
    assert config.path("last_checkpoint").read_bytes() == before


def test_resuming_leaves_the_configuration_as_it_was_given(stopped, tmp_path):
    config = dataclasses.replace(stopped, checkpoint="last")
    given = config.to_dict()

    trainer = build_trainer(config)

    assert config.to_dict() == given
    assert trainer.config.checkpoint == str(tmp_path / "last_tiny.ckpt")


@pytest.mark.parametrize(
    "seconds, saved",
    [(0, [3, 6, 7, 9, 12, 14]), (450, [6, 7, 12, 14]), (10_000, [7, 14])],
    ids=["at each validation", "at some", "at the ends of epochs"],
)
def test_validations_write_the_last_checkpoint_when_save_seconds_are_over(
    data, tmp_path, after, monkeypatch, whole, seconds, saved
):
    config, written, clock = make_config(data, tmp_path, save_seconds=seconds), [], [0.0]
    save = saving.save_checkpoint

    def noted(path, *values, **more):
        if path == config.path("last_checkpoint"):
            written.append(more["step"])
        save(path, *values, **more)

    def hook(task, step):
        clock[0] += 100

    monkeypatch.setattr(saving, "monotonic", lambda: clock[0])
    monkeypatch.setattr(saving, "save_checkpoint", noted)
    after(hook)
    found = Run(config)

    assert written == saved
    assert_same_run(found.last, whole(FEATURES).last)


def test_a_run_that_seldom_saves_is_stopped_or_killed_and_ends_as_any(
    data, tmp_path, after, monkeypatch, whole
):
    config = make_config(data, tmp_path, save_seconds=300)
    stop_after(after, signal.SIGTERM, 5)
    with pytest.raises(SystemExit):
        train(config)
    assert load_checkpoint(config.path("last_checkpoint"))["step"] == 5
    monkeypatch.undo()

    def hook(task, step):
        if step == 2 * STEPS - 1:
            raise Killed

    after(hook)
    with pytest.raises(Killed):
        train(dataclasses.replace(config, checkpoint="last"))
    assert load_checkpoint(config.path("last_checkpoint"))["step"] == STEPS

    found = resume(config, after, monkeypatch, save_seconds=0)

    assert_same_run(found.last, whole(FEATURES).last)
    assert found.metrics == whole(FEATURES).metrics


@pytest.fixture
def stopped(data, tmp_path, after, monkeypatch):
    """The configuration of a run that was stopped after four steps."""
    config = make_config(data, tmp_path)
    stop_after(after, signal.SIGTERM, 4)
    with pytest.raises(SystemExit):
        train(config)
    monkeypatch.undo()
    return config


@pytest.mark.parametrize(
    "key, value",
    [("margin", 0.3), ("embed_size", 17), ("seed", 3), ("batch_size", 9), ("learning_rate", 0.1)],
)
def test_another_run_is_not_resumed(stopped, after, monkeypatch, key, value):
    before = stopped.path("last_checkpoint").read_bytes()

    with pytest.raises(InputError, match=f"was trained with {key} = .*, now it is {value}"):
        resume(stopped, after, monkeypatch, **{key: value})

    assert stopped.path("last_checkpoint").read_bytes() == before


def test_another_vocabulary_does_not_resume(stopped, tmp_path, after, monkeypatch):
    data = make_data(tmp_path / "others")
    path = Path(data) / "tiny" / "vocab.json"
    vocabulary = json.loads(path.read_text())
    vocabulary["grey"], vocabulary["here"] = vocabulary["here"], vocabulary["grey"]
    path.write_text(json.dumps(vocabulary))

    with pytest.raises(
        InputError, match="another vocabulary than that of the data set tiny.*init_from="
    ):
        resume(stopped, after, monkeypatch, data_dir=data)


def test_features_of_another_backbone_are_refused(stopped, tmp_path, after, monkeypatch):
    from safetensors.numpy import save_file

    from vsepp.models.backbones import build_backbone

    weights = {
        name: value.numpy()
        for name, value in build_backbone("shufflenet_v2_x0_25").state_dict().items()
    }
    path = tmp_path / "other.safetensors"
    save_file(weights, str(path), {"format": "pd"})

    with pytest.raises(InputError, match="features of another backbone.*weights"):
        resume(stopped, after, monkeypatch, weights=str(path))


def test_the_best_checkpoint_cannot_be_resumed_and_the_message_says_what_can(
    stopped, after, monkeypatch
):
    with pytest.raises(InputError, match="no state to resume from.*last checkpoint.*init_from"):
        resume(stopped, after, monkeypatch, checkpoint="best")


def test_a_run_without_its_best_model_is_not_resumed(stopped, after, monkeypatch):
    best = stopped.path("best_checkpoint")
    best.rename(best.with_name("elsewhere.ckpt"))

    with pytest.raises(InputError, match="best_tiny.ckpt, the best model .* is not there"):
        resume(stopped, after, monkeypatch)

    elsewhere = str(best.with_name("elsewhere.ckpt"))
    resume(stopped, after, monkeypatch, best_checkpoint=elsewhere)  # as the message says


def test_a_resumed_run_keeps_its_checkpoints_where_they_are(stopped, tmp_path, after, monkeypatch):
    resume(stopped, after, monkeypatch)

    assert sorted(path.name for path in tmp_path.glob("*.ckpt*")) == [
        "best_tiny.ckpt",
        "last_tiny.ckpt",
    ]


def test_a_fresh_run_moves_old_checkpoints_aside(data, tmp_path):
    config = make_config(data, tmp_path, num_epochs=1)
    kept = []
    for number in (1, 2):
        train(config)
        kept.append(config.path("best_checkpoint").read_bytes())
    run = Run(config)

    for number, content in enumerate(kept, 1):
        assert (tmp_path / f"best_tiny.ckpt.{number}").read_bytes() == content
        assert (tmp_path / f"last_tiny.ckpt.{number}").exists()
    assert f"best_tiny.ckpt is of an earlier run; it is now {tmp_path}/best_tiny.ckpt.2" in run.log


@MODES
def test_init_from_takes_the_weights_alone(data, tmp_path, whole, mode):
    given = whole(mode)
    config = make_config(
        data,
        tmp_path,
        margin=0.3,
        seed=7,
        init_from=str(given.config.path("best_checkpoint")),
        **{"pretrained": False, **mode},
    )

    # the features are those of another seed's backbone; the weights do not depend on them
    trainer = build_trainer(config)

    for name, value in get_state(trainer.task.model).items():
        np.testing.assert_array_equal(value, given.best["model"][name])
    assert trainer.position.step == trainer.position.epoch == 0
    assert trainer.position.history == []
    assert trainer.optimizer.get_lr() == config.learning_rate
    assert not [key for key in trainer.optimizer.state_dict() if "moment" in key]
    trainer.run()


def test_finetuning_begins_from_a_frozen_stage(data, tmp_path, whole):
    given = whole(FEATURES)
    config = make_config(
        data, tmp_path, finetuned=True, init_from=str(given.config.path("best_checkpoint"))
    )

    trainer = build_trainer(config)

    state = get_state(trainer.task.model)
    assert state.keys() == given.best["model"].keys()
    for name, value in given.best["model"].items():
        np.testing.assert_array_equal(state[name], value)


# ---- restval ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def data_with_restval(tmp_path_factory):
    return make_data(tmp_path_factory.mktemp("restval") / "data", restval=3)


@MODES
def test_restval_follows_training_when_asked_for(data_with_restval, tmp_path, mode):
    config = make_config(data_with_restval, tmp_path, **mode)
    alone = open_splits(config, ("train", "restval")).splits
    config.use_restval = True

    opened = open_splits(config, ("train", "val", "test")).splits

    joined = opened["train"]
    assert set(opened) == {"train", "val", "test"}
    assert len(joined) == 75 and len(joined.images) == 15
    assert len(opened["val"]) == 20
    for index in (0, 59, 60, 74):
        part, place = ("train", index) if index < 60 else ("restval", index - 60)
        assert joined.image_id(index) == index // CAPTIONS
        assert joined.captions[index] == alone[part].captions[place]
        image = joined.image(joined.image_id(index), 0)
        expected = alone[part].image(alone[part].image_id(place), 0)
        np.testing.assert_array_equal(image, expected)
    assert len({joined.image(image_id, 0).tobytes() for image_id in range(15)}) == 15


@MODES
def test_a_run_with_restval(data_with_restval, tmp_path, mode):
    run = Run(make_config(data_with_restval, tmp_path, use_restval=True, num_epochs=1, **mode))

    assert "15 images, 75 captions" in run.log
    assert run.last["step"] == 75 // 8


def test_without_use_restval_it_is_left_out(data_with_restval, tmp_path):
    opened = open_splits(make_config(data_with_restval, tmp_path), ("train", "val")).splits

    assert len(opened["train"]) == 60 and set(opened) == {"train", "val"}


# ---- as a process -------------------------------------------------------------------------------


def start(config, folder, **changes):
    """`tools/train.py` as a process of its own."""
    path = folder / "config.yml"
    path.write_text(yaml.safe_dump({**config.to_dict(), **changes}), encoding="utf-8")
    tool = Path(training.__file__).parents[2] / "tools" / "train.py"
    return subprocess.Popen(
        [sys.executable, "-u", str(tool), "-c", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {},
        dict(
            ema=0.9,
            optimizer="adamw",
            weight_decay=0.01,
            schedule="cosine",
            warmup_steps=5,
            hard_negative_warmup=6,
            hard_negative_warmup_loss="npair",
        ),
    ],
    ids=["as documented", "recipe"],
)
def test_a_process_killed_three_times_ends_as_an_undisturbed_one(data, tmp_path, changes):
    epochs = 12
    changes = dict(finetuned=True, num_epochs=epochs, log_step=1, **changes)
    config = make_config(data, tmp_path, **changes)
    chance = random.Random(5)
    killed_at = sorted(chance.sample(range(5, epochs * STEPS), 3))
    for place in killed_at:
        there = config.path("last_checkpoint").exists()
        process = start(config, tmp_path, checkpoint="last" if there else None)
        for line in process.stdout:
            words = line.split()
            if words[:1] == ["epoch"]:
                epoch = int(words[1].split("/")[0])
                if (epoch - 1) * STEPS + int(words[3].split("/")[0]) >= place:
                    break
        else:
            pytest.fail(f"it ended by itself: {process.stderr.read()}")
        try:
            process.wait(chance.uniform(0, 0.1))  # into the middle of whatever comes next
        except subprocess.TimeoutExpired:
            pass
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL

    process = start(config, tmp_path, checkpoint="last")
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    assert "epoch 1/" not in output

    whole = Run(make_config(data, tmp_path / "whole", **changes))
    assert_same_run(load_checkpoint(config.path("last_checkpoint")), whole.last)
    assert (
        load_checkpoint(config.path("best_checkpoint"))["fingerprint"] == whole.best["fingerprint"]
    )
