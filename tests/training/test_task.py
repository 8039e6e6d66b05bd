"""The loop runs whatever task it is given: here a line through points, with no sentences at all."""

import subprocess
import sys

import numpy as np
import paddle
import pytest
from tiny import make_config, word_list

from vsepp import InputError, load_checkpoint
from vsepp.models.encoders import TextEncoder, encoders_for_training
from vsepp.training.loop import Trainer
from vsepp.training.optimizer import get_optimizer
from vsepp.training.retrieval import RetrievalObjective
from vsepp.training.step import TrainingStep
from vsepp.training.task import Diverged, Listener, Scored, Task

POINTS, SLOPE = 40, 3.0


class Line(Task):
    """The slope through points of the plane, scored by the error's negative."""

    score_name = "negative error"

    def __init__(self, config, with_weights=True):
        self.config, self.epochs = config, []
        self.model = paddle.nn.Linear(1, 1, bias_attr=False)
        self.points = np.random.default_rng(0).normal(size=(POINTS, 1)).astype(np.float32)
        self.steps = POINTS // config.batch_size

    def begin_epoch(self, epoch):
        self.epochs.append(epoch)

    def batches(self, epoch, skip):
        order = np.random.default_rng((self.config.seed, epoch)).permutation(POINTS)
        for step in range(skip, self.steps):
            rows = order[step * self.config.batch_size :][: self.config.batch_size]
            yield tuple(map(paddle.to_tensor, (self.points[rows], SLOPE * self.points[rows])))

    def encode_images(self, images):
        return self.model(images)

    def loss(self, image_codes, text_codes, batch):
        assert text_codes is None
        return ((image_codes - batch[1]) ** 2).mean()

    def score(self, split):
        error = abs(float(self.model.weight.sum()) - SLOPE)
        if not np.isfinite(error):
            raise Diverged(f"the slope is not finite for the {split} split")
        return Scored({"error": error}, {self.score_name: -error}, f"error {error:.3f}", split)

    def heading(self):
        return f"a line through {POINTS} points"

    def contents(self):
        return {"vocab": {}, "unit": "metre"}


class Told(Listener):
    """Keeps what it is told."""

    def __init__(self):
        self.events, self.tags = [], set()

    def started(self, folder):
        self.events.append(("started", folder.path.name))

    def scalars(self, values, step):
        self.tags |= values.keys()

    def validated(self, scored, step):
        self.events.append((scored.shown, step))

    def tested(self, scored, checkpoint):
        self.events.append((scored.shown, checkpoint.name))

    def ended(self, history):
        self.events.append(("ended", len(history)))


def config_of(folder, **changes):
    return make_config("nowhere", folder, **{"dataset": "line", "learning_rate": 0.3, **changes})


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The configuration, trainer, listener and result of an undisturbed run."""
    config, told = config_of(tmp_path_factory.mktemp("line"), num_epochs=4), Told()
    trainer = Trainer(config, Line, [told])
    return config, trainer, told, trainer.run()


def test_another_task_is_trained_scored_logged_and_saved(whole):
    config, trainer, _, metrics = whole
    log = (trainer.folder.path / "log.txt").read_text(encoding="utf-8")
    best = load_checkpoint(config.path("best_checkpoint"))
    last = load_checkpoint(config.path("last_checkpoint"))

    assert trainer.task.epochs == [0, 1, 2, 3]
    assert "a line through 40 points, on cpu, seed 0; folder " in log
    assert log.count("validation at step") == 9 and ": error 0." in log
    history = last["position"]["history"]
    losses = [row["loss"] for row in history if "loss" in row]
    assert losses[-1] < 0.5 * losses[0]
    scores = [row["negative error"] for row in history if "negative error" in row]
    assert last["position"]["best_rsum"] == max(scores) == -metrics["error"] < 0
    assert best["metrics"] == metrics
    assert best["unit"] == last["unit"] == "metre"
    assert (best["step"], last["step"]) == (last["position"]["best_step"], 20)


def test_listeners_are_told_of_scores_and_of_the_end(whole):
    config, trainer, told, _ = whole
    last = load_checkpoint(config.path("last_checkpoint"))

    assert told.events == [
        ("started", trainer.folder.path.name),
        *(("val", step) for step in (3, 5, 6, 9, 10, 12, 15, 18, 20)),
        ("test", "best_line.ckpt"),
        ("ended", len(last["position"]["history"])),
    ]
    assert told.tags == {"train/loss", "train/lr", "val/negative error", "test/negative error"}


def test_another_task_resumes_exactly_and_in_slices(whole, tmp_path):
    class Stopped(Line):
        def batches(self, epoch, skip):
            for number, batch in enumerate(super().batches(epoch, skip)):
                if (epoch, number) == (2, 1):
                    raise RuntimeError("power cut")
                yield batch

    expected = load_checkpoint(whole[0].path("last_checkpoint"))
    config = config_of(tmp_path, num_epochs=4)
    with pytest.raises(RuntimeError, match="power cut"):
        Trainer(config, Stopped).run()
    config.checkpoint = "last"
    Trainer(config, Line).run()
    sliced = config_of(tmp_path / "sliced", num_epochs=4, micro_batch_size=3)
    Trainer(sliced, Line).run()

    resumed = load_checkpoint(config.path("last_checkpoint"))
    assert resumed["position"] == expected["position"]
    np.testing.assert_array_equal(resumed["model"]["weight"], expected["model"]["weight"])
    np.testing.assert_allclose(
        load_checkpoint(sliced.path("last_checkpoint"))["model"]["weight"],
        expected["model"]["weight"],
        rtol=1e-5,
    )


def test_a_task_that_diverges_is_refused_in_its_own_words(tmp_path):
    class Diverging(Line):
        def score(self, split):
            self.model.weight.set_value(np.full((1, 1), np.nan, np.float32))
            return super().score(split)

    with pytest.raises(InputError, match="the slope is not finite for the val split after step 3:"):
        Trainer(config_of(tmp_path), Diverging).run()


# ---- a step by itself ---------------------------------------------------------------------------


def in_memory(config, count):
    """(objective, step, batches of 8 pairs over features of 6 numbers)."""
    generator = np.random.default_rng(2)
    paddle.seed(0)
    objective = RetrievalObjective(config, *encoders_for_training(config, word_list(20), 6))
    step = TrainingStep(config, objective, get_optimizer(objective.model, config))
    step.begin_epoch()
    arrays = (
        (
            generator.random((8, 6), np.float32),
            generator.integers(1, 20, (8, 5)),
            generator.integers(1, 6, 8),
            np.arange(8),
        )
        for _ in range(count)
    )
    return objective, step, [tuple(map(paddle.to_tensor, batch)) for batch in arrays]


def test_a_step_over_batches_in_memory_is_the_step_written_out(tmp_path):
    config = make_config("nowhere", tmp_path)
    _, step, batches = in_memory(config, 3)
    found = [float(step(batch, number)) for number, batch in enumerate(batches)]

    objective, _, batches = in_memory(config, 3)
    optimizer, expected = get_optimizer(objective.model, config), []
    for images, captions, lengths, _ in batches:
        loss = objective.criterion(*objective.model(images, captions, lengths))
        loss.backward()
        optimizer.step()
        optimizer.clear_grad()
        expected.append(float(loss))

    assert found == expected and len(set(found)) == 3


def test_what_a_text_encoder_calls_pretrained_moves_less(tmp_path, monkeypatch):
    def moved(factor):
        config = make_config("nowhere", tmp_path, pretrained_lr=factor)
        objective, step, (batch,) = in_memory(config, 1)
        before = {name: value.numpy() for name, value in objective.model.named_parameters()}
        step(batch, 0)
        return {
            name: np.abs(value.numpy() - before[name]).max()
            for name, value in objective.model.named_parameters()
        }

    monkeypatch.setattr(
        TextEncoder, "pretrained_parameters", lambda self, network: [network.embedding.weight]
    )
    whole, tenth = moved(1.0), moved(0.1)

    name = "text_extractor.embedding.weight"
    assert tenth.pop(name) == pytest.approx(0.1 * whole.pop(name), rel=1e-3)
    assert tenth == whole


def test_a_step_says_where_it_is(tmp_path):
    objective, step, (batch,) = in_memory(make_config("nowhere", tmp_path), 1)
    weight, seen = objective.model.image_extractor.fc.weight, []
    before = weight.numpy()

    def mark(section):
        moved = not np.array_equal(weight.numpy(), before)
        seen.append((section, weight.grad is not None and bool(weight.grad.any()), moved))

    step(batch, 0, mark)

    assert seen == [
        ("codes", False, False),
        ("loss", False, False),
        ("gradients", True, False),
        ("optimizer", False, True),
    ]


def test_the_hardest_negatives_are_of_the_triplet_loss_alone(tmp_path):
    from vsepp.training.retrieval import RetrievalTask

    seen = {}
    for loss in ("triplet", "npair"):
        config = make_config("nowhere", tmp_path, loss=loss, hard_negative_warmup=2)
        task = RetrievalTask.__new__(RetrievalTask)
        RetrievalObjective.__init__(task, config, *encoders_for_training(config, word_list(20), 6))
        seen[loss] = []
        for epoch in (1, 2):
            task.begin_epoch(epoch)
            seen[loss].append(getattr(task.criterion, "hard_negative", None))

    assert seen == {"triplet": [False, True], "npair": [None, None]}


# ---- what the loop brings with it ---------------------------------------------------------------


@pytest.mark.parametrize("module", ["loop", "retrieval"])
def test_neither_loop_nor_task_imports_the_report(module):
    program = (
        f"import sys, vsepp.training.{module}; "
        "print(*[name for name in sys.modules if name.split('.')[0] in ('matplotlib', 'visualdl') "
        "or name.startswith('vsepp.report')])"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=True
    )

    assert done.stdout.split() == []


def test_the_loop_imports_nothing_of_retrieval():
    program = (
        "import sys, vsepp.training.loop; "
        "print(*[name for name in sys.modules if name.startswith(("
        "'vsepp.retrieval', 'vsepp.metrics', 'vsepp.models.vsepp', "
        "'vsepp.training.retrieval'))])"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=True
    )

    assert done.stdout.split() == []


@pytest.mark.parametrize("loss", ["triplet", "npair"])
@pytest.mark.parametrize("micro_batch_size", [0, 3])
def test_equal_captions_of_a_batch_are_masked_on_request(tmp_path, loss, micro_batch_size):
    def step_over(same, **changes):
        config = make_config(
            "nowhere", tmp_path, loss=loss, micro_batch_size=micro_batch_size, **changes
        )
        objective, step, [(images, captions, lengths, ids)] = in_memory(config, 1)
        if same:  # captions 0, 3 and 5 are one sentence
            captions, lengths = captions.numpy(), lengths.numpy()
            captions[[3, 5]], lengths[[3, 5]] = captions[0], lengths[0]
            captions, lengths = paddle.to_tensor(captions), paddle.to_tensor(lengths)
        codes = objective.model(images, captions, lengths)
        alike = paddle.to_tensor([0, 1, 2, 0, 4, 0, 6, 7] if same else list(range(8)))
        expected = objective.criterion(*codes, None, alike), objective.criterion(*codes)
        return float(step((images, captions, lengths, ids), 0)), *map(float, expected)

    found, masked, plain = step_over(same=True, mask_equal_captions=True)
    assert found == pytest.approx(masked, rel=1e-5) and found < 0.99 * plain
    found, _, plain = step_over(same=True)
    assert found == pytest.approx(plain, rel=1e-5)
    found, _, plain = step_over(same=False, mask_equal_captions=True)
    assert found == pytest.approx(plain, rel=1e-5)
