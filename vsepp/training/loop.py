"""Training: one loop, from the first batch to the test of the best model."""

import math
import signal
import time

import numpy as np
import paddle

from vsepp.checkpoint import load_checkpoint, move_aside, save_checkpoint
from vsepp.config import override
from vsepp.data.dataset import prepared_tokenizer
from vsepp.data.loaders import training_loader
from vsepp.data.options import with_prepared_options
from vsepp.metrics.scores import all_metrics
from vsepp.models.device import memory_errors_explained, select_device
from vsepp.models.losses import build_loss
from vsepp.models.recomputing import recompute_blocks
from vsepp.models.state import get_state
from vsepp.models.vsepp import BACKBONE, build_model
from vsepp.report.tables import metrics_table
from vsepp.retrieval.encoding import encode_dataset, recalls
from vsepp.system.errors import InputError
from vsepp.system.invocation import quoted
from vsepp.system.memory import keep_freed, return_freed, return_large_blocks
from vsepp.system.progress import progress
from vsepp.system.threads import describe_threads
from vsepp.training.collapse import CollapseWatch
from vsepp.training.data import open_splits, worker_count
from vsepp.training.meter import Meter, duration
from vsepp.training.micro_batch import hold_batch_statistics, seed_from, sliced_codes
from vsepp.training.optimizer import get_optimizer, optimizer_state
from vsepp.training.run_folder import RunFolder
from vsepp.training.showcase import show_queries, show_space
from vsepp.training.starting import (
    Position,
    check_destinations,
    held_destinations,
    initialise,
    read_resumed,
    restore,
    set_weights,
)
from vsepp.training.stopping import StopRequest

_NAMED_AT_MOST = 8  # images of a batch in a message


class Trainer:
    """A run: its data, model, optimizer, position and folder.

    Args:
        config: ``vsepp.config.Config``.

    Raises:
        InputError: when data, weights, checkpoint or device do not fit the configuration.
    """

    def __init__(self, config):
        self.config = config = with_prepared_options(config)
        select_device(config.device)
        if config.amp != "off" and paddle.get_device() == "cpu":
            raise InputError("amp: mixed precision needs a GPU: set amp=off.")
        paddle.seed(config.seed)
        check_destinations(config)
        resumed = read_resumed(config)
        self.data = open_splits(config, ("train", "val", "test"))
        self.tokenizer = prepared_tokenizer(self.data.splits["train"].folder)
        features = self.data.backbone and self.data.backbone.origin.feature_size
        self.model = build_model(
            config,
            len(self.data.vocabulary),
            features,
            with_weights=not (resumed or config.init_from),
        )
        if config.micro_batch_size:
            return_large_blocks()
        elif self.data.backbone:
            keep_freed()
        if config.recompute and self.data.backbone is None:
            recompute_blocks(self.model.image_extractor.backbone)
        self.optimizer = get_optimizer(self.model, config)
        self.position = Position()
        if resumed:
            self.position = restore(config, resumed, self.data, self.model, self.optimizer)
        elif config.init_from:
            initialise(config.init_from, self.data, self.model)
        self.loader = training_loader(
            self.data.splits["train"],
            config.batch_size,
            config.seed,
            worker_count(config),
            config.batch_by_length,
        )
        self.loss = build_loss(config, self.model)
        self.scaler = paddle.amp.GradScaler() if config.amp == "float16" else None
        self.best_path = config.path("best_checkpoint")
        self.last_path = config.path("last_checkpoint")
        for path in (self.best_path, self.last_path):  # or say now that there can be none
            path.parent.mkdir(parents=True, exist_ok=True)
        self.folder = RunFolder(config, self.position.history)
        self.position.history = self.folder.history
        self.collapse = CollapseWatch(config)
        self.batch_images = None  # numbers of those that the last step saw
        if not resumed:
            self._move_old_checkpoints_aside()

    def _move_old_checkpoints_aside(self):
        for path in (self.best_path, self.last_path):
            aside = move_aside(path)
            if aside:
                self.folder.log(f"{path} is of an earlier run; it is now {aside}")

    # ---- the loop --------------------------------------------------------------------------

    def run(self):
        """Train to the end, or until a signal; returns the test metrics of the best model.

        Raises:
            KeyboardInterrupt: after Ctrl-C, once the last checkpoint is written.
            SystemExit: with status 143, likewise after SIGTERM.
            InputError: when the loss is not a number any more.
        """
        config, position = self.config, self.position
        self.folder.log(self._heading())
        if paddle.get_device() == "cpu":
            self.folder.log(describe_threads())
        with StopRequest() as stop:
            while position.epoch < config.num_epochs and not stop:
                try:
                    self._train_epoch(stop)
                except SystemError:  # a signal to the whole group has ended the workers as well
                    if not stop or stop.at_once:
                        raise
                if not stop:
                    position.epoch += 1
                    position.step_in_epoch = 0
                    self.optimizer._learning_rate.step()
                    self._validate()
                    self._save_last()
            if stop:
                stop.within_step = True  # no more workers are needed
                if position.step:
                    self._save_last()
                    self.folder.log(
                        f"stopped in epoch {position.epoch + 1} at step {position.step}; "
                        f"go on with -o {quoted(override('checkpoint', str(self.last_path)))}"
                    )
                else:
                    self.folder.log(
                        "stopped before the first step: there is nothing to go on "
                        "from; run the same command again"
                    )
                self._finish()
                if stop.signal == signal.SIGINT:
                    raise KeyboardInterrupt
                raise SystemExit(128 + stop.signal)
        return self._test_best()

    def _train_epoch(self, stop):
        config, position = self.config, self.position
        self.loss.hard_negative = (
            config.hard_negative and position.epoch >= config.hard_negative_warmup
        )
        self.model.train()
        if config.micro_batch_size:
            hold_batch_statistics(self.model)
        steps = len(self.loader)
        self.loader.batch_sampler.set_epoch(position.epoch, skip=position.step_in_epoch)
        bar = progress(
            description=f"epoch {position.epoch + 1}/{config.num_epochs}",
            total=steps,
            initial=position.step_in_epoch,
            unit="step",
            leave=False,
        )
        meter = Meter(config.batch_size)
        if 0 < position.step_in_epoch < steps:  # a stop goes before a validation that is due
            self._validate_when_due()
        with bar:
            for batch in self.loader:
                meter.batch_read()
                stop.within_step = True
                loss = self._train_step(batch)
                position.step_in_epoch += 1
                position.step += 1
                stop.within_step = False
                meter.batch_done()
                bar.update()
                if position.step % config.log_step == 0 or position.step_in_epoch == steps:
                    self._log_step(float(loss), meter, steps)
                if stop:
                    self._check_loss(float(loss))
                    return
                if position.step_in_epoch < steps and self._validate_when_due():
                    meter.restart()

    def _train_step(self, batch):
        images, captions, lengths, image_ids = batch
        self.batch_images = image_ids
        config, position = self.config, self.position
        # Dropout inside a backbone follows from (seed, step), so that a resumed run repeats it.
        seed_from(config.seed, position.step)
        with memory_errors_explained():
            with self._mixed_precision():
                if config.micro_batch_size:
                    image_codes, hand_on = sliced_codes(
                        self.model, images, config.micro_batch_size, (config.seed, position.step)
                    )
                else:
                    image_codes, hand_on = self.model.image_extractor(images), None
                text_codes = self.model.text_extractor(captions, lengths)
            loss = self.loss(
                image_codes.astype("float32"),
                text_codes.astype("float32"),
                image_ids if config.mask_same_image else None,
            )
            (self.scaler.scale(loss) if self.scaler else loss).backward()
            if hand_on:
                with self._mixed_precision():
                    hand_on()
            if self.scaler:
                self.scaler.step(self.optimizer)
                self.scaler.update()
            else:
                self.optimizer.step()
            self.optimizer.clear_grad()
        return loss.detach()

    def _mixed_precision(self):
        amp = self.config.amp
        return paddle.amp.auto_cast(
            enable=amp != "off", level="O1", dtype="bfloat16" if amp == "off" else amp
        )

    # ---- now and then ----------------------------------------------------------------------

    def _heading(self):
        config, train = self.config, self.data.splits["train"]
        seen = f"photographs through {config.image_model}"
        if self.data.backbone:
            seen = self.data.backbone.origin.description
        return (
            f"training on {config.dataset}: {len(train.images)} images, {len(train)} captions, "
            f"{seen}, on {paddle.get_device()}, seed {config.seed}; folder {self.folder.path}"
        )

    def _check_loss(self, loss):
        if not math.isfinite(loss):
            raise InputError(
                f"the loss is {loss} in epoch {self.position.epoch + 1} at step "
                f"{self.position.step}{self._batch_names()}: set a lower learning_rate; "
                f"{self.last_path} and {self.best_path} hold what was saved before."
            )

    def _batch_names(self):
        """Which images the last step saw, for a message."""
        if self.batch_images is None:
            return ""
        dataset = self.data.splits["train"]
        numbers = sorted(set(np.asarray(self.batch_images).reshape(-1).tolist()))
        names = ", ".join(dataset.image_name(number) for number in numbers[:_NAMED_AT_MOST])
        more = ", …" if len(numbers) > _NAMED_AT_MOST else ""
        return f", whose batch has the images {names}{more}"

    def _log_step(self, loss, meter, steps):
        config, position = self.config, self.position
        self._check_loss(loss)
        rate = self.optimizer.get_lr()
        left = (config.num_epochs - position.epoch) * steps - position.step_in_epoch
        self.folder.log(
            f"epoch {position.epoch + 1}/{config.num_epochs} step {position.step_in_epoch}/{steps} "
            f"loss {loss:.4f} lr {rate:.2e} {meter} left {duration(left * meter.batch_cost)}"
        )
        self.folder.scalars({"train/loss": loss, "train/lr": rate}, position.step)
        self.folder.history.append(
            {"step": position.step, "epoch": position.epoch + 1, "loss": loss, "lr": rate}
        )
        warning = self.collapse.warning(loss, position.step, self.loss)
        if warning:
            self.folder.log(warning)

    def _validate_when_due(self):
        """Validate and save where ``evaluate_step`` says so; returns whether it did."""
        position = self.position
        if position.step % self.config.evaluate_step or position.validated_step == position.step:
            return False
        self._validate()
        self._save_last()
        return True

    def _validate(self):
        """Score the validation split; keep the model when its rsum is the best so far."""
        position = self.position
        if position.validated_step == position.step:
            return
        position.validated_step = position.step
        begin = time.perf_counter()
        dataset, images, texts, metrics = self._score("val")
        flat = recalls(metrics)
        best = flat["rsum"] > position.best_rsum
        if best:
            position.best_rsum, position.best_step = flat["rsum"], position.step
            self._save_best(metrics)
        self.folder.history.append({"step": position.step, **flat})
        self.folder.scalars({f"val/{name}": value for name, value in flat.items()}, position.step)
        self.folder.picture(
            "val/queries", show_queries(dataset, images, texts, self.model.measure), position.step
        )
        self.folder.log(
            "validation at step {}: i2t {:.1f} / {:.1f} / {:.1f}  t2i {:.1f} / {:.1f} / {:.1f}  "
            "rsum {:.1f}{} ({:.1f} s)".format(
                position.step,
                *(metrics[way][f"R@{k}"] for way in ("i2t", "t2i") for k in (1, 5, 10)),
                flat["rsum"],
                ", the best so far" if best else f", best {position.best_rsum:.1f}",
                time.perf_counter() - begin,
            )
        )
        return_freed()

    def _score(self, split):
        """(data set, image codes, text codes, metrics) of a split under the model as it is."""
        dataset = self.data.splits[split]
        images, texts = encode_dataset(self.model, dataset, max(self.config.batch_size, 64))
        if not (np.isfinite(images).all() and np.isfinite(texts).all()):
            raise InputError(
                f"the model gives NaN or infinity for the {split} split after step "
                f"{self.position.step}{self._batch_names()}: set a lower learning_rate; "
                f"{self.last_path} and {self.best_path} hold what was saved before."
            )
        metrics = all_metrics(images, texts, dataset.captions_per_image, self.model.measure)
        return dataset, images, texts, metrics

    def _contents(self, metrics):
        """What best and last checkpoints have in common."""
        contents = dict(
            config=self.config.to_dict(),
            vocab=self.data.vocabulary.word_to_index,
            tokenizer=self.tokenizer,
            epoch=min(self.position.epoch + 1, self.config.num_epochs),
            step=self.position.step,
            metrics=metrics,
        )
        if self.data.backbone:
            contents["backbone"] = vars(self.data.backbone.origin)
        return contents

    def _save_best(self, metrics):
        state = get_state(self.model)
        if self.data.backbone:  # so that the file can encode photographs by itself
            state.update(
                {BACKBONE + name: value for name, value in self.data.backbone.state.items()}
            )
        save_checkpoint(self.best_path, state, **self._contents(metrics))

    def _save_last(self):
        save_checkpoint(
            self.last_path,
            get_state(self.model),
            optimizer=optimizer_state(self.model, self.optimizer),
            position=vars(self.position),
            **self._contents(None),
        )

    # ---- the end ---------------------------------------------------------------------------

    def _finish(self):
        self.folder.draw_curves()
        self.folder.close()

    def _test_best(self):
        """Score the best model on the test split, show its space, close the folder."""
        best = load_checkpoint(self.best_path, parts=("model/",))
        set_weights(self.model, best["model"], self.best_path, self.data)
        dataset, images, texts, metrics = self._score("test")
        self.folder.scalars(
            {f"test/{name}": value for name, value in recalls(metrics).items()}, self.position.step
        )
        show_space(self.folder, dataset, images, texts)
        self.folder.log(f"the best model, of step {best['step']}, on the test split:")
        self.folder.log(
            metrics_table(
                {
                    "dataset": self.config.dataset,
                    "split": "test",
                    "images": len(images),
                    "captions": len(texts),
                    "protocol": "all images and captions of the split",
                    "checkpoint": str(self.best_path),
                    **metrics,
                }
            )
        )
        self._finish()
        return metrics


def train(config):
    """Train as ``config`` says; returns the best model's metrics on the test split.

    Raises:
        InputError: as :class:`Trainer`, and when another training writes the same checkpoints.
    """
    with held_destinations(config):
        return Trainer(config).run()
