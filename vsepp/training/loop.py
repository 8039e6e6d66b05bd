"""Training: one loop, from the first batch to the test of the best model, whatever the task."""

from __future__ import annotations

import math
import signal
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from time import monotonic
from typing import Any, NoReturn

import paddle

from vsepp.checkpoint import load_checkpoint
from vsepp.config import Config, override
from vsepp.models.device import select_device
from vsepp.models.ranks import ALONE, Alone
from vsepp.system.errors import InputError
from vsepp.system.invocation import quoted
from vsepp.system.memory import return_freed
from vsepp.system.progress import progress
from vsepp.system.threads import describe_threads
from vsepp.training.meter import Meter, duration
from vsepp.training.micro_batch import synchronise_batch_norm
from vsepp.training.optimizer import check_decay, get_optimizer, restore_optimizer
from vsepp.training.position import Position
from vsepp.training.run_folder import NoFolder, RunFolder
from vsepp.training.saving import Checkpoints
from vsepp.training.schedules import counts_steps
from vsepp.training.starting import (
    check_destinations,
    named_checkpoint,
    read_resumed,
    with_images_of_run,
)
from vsepp.training.step import TrainingStep
from vsepp.training.stopping import StopRequest
from vsepp.training.task import Diverged, Listener, Scored, Task


class Trainer:
    """A run: its task, optimizer, position and folder.

    Args:
        config: the configuration; it stays as it is.
        task: the class of what is trained, or what makes one of the same arguments; called once
            device and seed are set.
        listeners: who is told how it goes.
        ranks: the processes that train together, of which one writes and tells.

    Raises:
        InputError: when data, weights, checkpoint or device do not fit the configuration.

    Attributes:
        tested: ``Scored`` of the best model on the test split, once :meth:`run` has returned.
    """

    tested: Scored

    def __init__(
        self,
        config: Config,
        task: Callable[..., Task],
        listeners: Sequence[Listener] = (),
        ranks: Alone = ALONE,
    ) -> None:
        self.ranks = ranks
        self.config = config = with_images_of_run(named_checkpoint(config))
        select_device(ranks.device(config.device))
        if config.amp != "off" and paddle.get_device() == "cpu":
            raise InputError("amp: mixed precision needs a GPU: set amp=off.")
        check_decay(config.optimizer, config.weight_decay)  # before features are computed
        paddle.seed(config.seed)
        check_destinations(config)
        resumed = read_resumed(config)
        # Apart from its own, a task of somebody else's knows no ranks, and needs none.
        together = {"ranks": ranks} if ranks.count > 1 else {}
        self.task = task(config, with_weights=not (resumed or config.init_from), **together)
        norms = synchronise_batch_norm(self.task.model, config, ranks)
        self.optimizer = get_optimizer(self.task.model, config, self.task.steps)
        self.position = Position()
        self.minutes = 0.0
        said = None
        if resumed:
            self._restore(resumed)
        elif config.init_from:
            given = load_checkpoint(config.init_from, parts=("model/",))
            said = self.task.begin_with(given, config.init_from)
        ranks.spread(self.task.model)
        self.step = TrainingStep(config, self.task, self.optimizer)
        if resumed and self.step.average:
            self.step.average.restore(resumed.get("ema", {}), str(config.checkpoint))
        self.checkpoints = Checkpoints(config, ranks.leads)
        self.folder = RunFolder(config) if ranks.leads else NoFolder()
        self.listeners = listeners if ranks.leads else ()
        self._tell("started", self.folder)
        for line in (*ranks.said(), *norms, *self.task.said, *filter(None, [said])):
            self.folder.log(line)
        ranks.wait()  # until all have read what is moved now
        for line in [] if resumed else self.checkpoints.move_old_aside():
            self.folder.log(line)

    def _restore(self, resumed: dict[str, Any]) -> None:
        """Go back to exactly where a run stopped."""
        path = str(self.config.checkpoint)
        self.task.check(resumed, path, resuming=True)
        self.task.set_weights(resumed["model"], path)
        self.position = Position.restored(resumed["position"], path)
        best = self.config.path("best_checkpoint")
        if self.position.best_step and not best.exists():
            raise InputError(
                f"best_checkpoint: {best}, the best model of the run that {path} goes on with, is "
                "not there: put it back, or set best_checkpoint to where it is now."
            )
        done = self.position.step if counts_steps(self.optimizer) else self.position.epoch
        restore_optimizer(self.task.model, self.optimizer, resumed["optimizer"], done, path)

    # ---- the loop --------------------------------------------------------------------------

    def run(self) -> dict:
        """Train to the end, or until a signal; returns the test metrics of the best model.

        Raises:
            KeyboardInterrupt: after Ctrl-C, once the last checkpoint is written.
            SystemExit: with status 143, likewise after SIGTERM.
            InputError: when the loss is not a number any more.
        """
        config, position = self.config, self.position
        self.folder.log(
            f"{self.task.heading()}, on {paddle.get_device()}, seed {config.seed}; "
            f"folder {self.folder.path}"
        )
        if paddle.get_device() == "cpu":
            self.folder.log(describe_threads())
        self.begun = monotonic()
        self.checkpoints.start_clock()
        with StopRequest(self.ranks) as stop:
            while position.epoch < config.num_epochs and not stop and not self._stalled():
                try:
                    self._train_epoch(stop)
                except SystemError:  # a signal to the whole group has ended the workers as well
                    if not stop.arrived or stop.at_once:
                        raise
                    stop.within_step = True
                    stop.settle()
                if stop:
                    break
                if position.step_in_epoch == self.task.steps:
                    position.epoch += 1
                    position.step_in_epoch = 0
                    if not counts_steps(self.optimizer):
                        self.optimizer._learning_rate.step()
                    self._validate()
                self._save_last()
                stop.settle()
            if stop:
                self._stop(stop)
        if self._stalled() and position.epoch < config.num_epochs:
            left = min(config.self_critical, config.num_epochs - position.epoch)
            self.folder.log(
                f"early_stop: {config.early_stop} validations brought nothing better than "
                f"{position.best_score:.1f} at step {position.best_step}; training ends"
                + (f", {left} of its self_critical epochs left out" if left else "")
            )
        self.minutes = (monotonic() - self.begun) / 60
        since = " since it went on" if config.checkpoint else ""
        self.folder.log(
            f"training took {self.minutes:.1f} minutes{since}, with validations, without features"
        )
        return self._test_best()

    def _train_epoch(self, stop: StopRequest) -> None:
        config, position, steps = self.config, self.position, self.task.steps
        self.task.begin_epoch(position.epoch)
        self.step.begin_epoch()
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
            if self._stalled():
                return
        # Only while a batch is waited for may a signal break it off; and as all ranks have to agree
        # equally often, each batch, or the end of them, or such a break, is followed by one settle.
        stop.within_step = False
        with bar:
            for batch in self.task.batches(position.epoch, skip=position.step_in_epoch):
                meter.batch_read()
                stop.within_step = True
                if stop.settle():
                    return
                loss = self.step(batch, position.step)
                position.step_in_epoch += 1
                position.step += 1
                meter.batch_done()
                bar.update()
                for line in self.ranks.costs():
                    self.folder.log(line)
                if position.step % config.log_step == 0 or position.step_in_epoch == steps:
                    self._log_step(float(loss), meter)
                if stop or (self._validation_is_due() and stop.settle()):
                    self._check_loss(float(loss))
                    return
                if position.step_in_epoch < steps and self._validate_when_due():
                    if self._stalled() or stop.settle() or stop:
                        return
                    meter.restart()
                stop.within_step = False
            stop.within_step = True
            stop.settle()

    def _stop(self, stop: StopRequest) -> NoReturn:
        """Save, say how to go on, and end as the signal asks."""
        stop.within_step = True  # no more workers are needed
        position = self.position
        if position.step:
            self._save_last()
            line = (
                f"stopped in epoch {position.epoch + 1} at step {position.step}; "
                f"go on with -o {quoted(override('checkpoint', str(self.checkpoints.last)))}"
            )
        else:
            line = (
                "stopped before the first step: there is nothing to go on "
                "from; run the same command again"
            )
        self.folder.log(line)
        self.ranks.tell(line)
        self.ranks.wait()  # a process that has ended is a failed one to who launched it
        # A launcher kills who is not gone in seconds: curves are drawn once the run has gone on.
        self._finish(self.position.history if self.ranks.count == 1 else None)
        if stop.signal is None or stop.signal == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(128 + stop.signal)

    def _test_best(self) -> dict:
        """Score the best model on the test split."""
        best = load_checkpoint(self.checkpoints.best, parts=("model/",))
        self.task.set_weights(best["model"], self.checkpoints.best)
        scored = self._score("test")
        self._tell_scores("test", scored)
        self.folder.log(f"the best model, of step {best['step']}, on the test split:")
        self._tell("tested", scored, self.checkpoints.best)
        self.tested = scored
        self._finish(self.position.history)
        return scored.metrics

    def _finish(self, history: list | None) -> None:
        self._tell("ended", history)
        self.folder.close()

    # ---- now and then ----------------------------------------------------------------------

    def _log_step(self, loss: float, meter: Meter) -> None:
        config, position, steps = self.config, self.position, self.task.steps
        self._check_loss(loss)
        rate = self.optimizer.get_lr()
        left = (config.num_epochs - position.epoch) * steps - position.step_in_epoch
        self.folder.log(
            f"epoch {position.epoch + 1}/{config.num_epochs} step {position.step_in_epoch}/{steps} "
            f"loss {loss:.4f} lr {rate:.2e} {meter} left {duration(left * meter.batch_cost)}"
        )
        self._tell("scalars", {"train/loss": loss, "train/lr": rate}, position.step)
        position.history.append(
            {"step": position.step, "epoch": position.epoch + 1, "loss": loss, "lr": rate}
        )
        warning = self.task.warning(loss, position.step)
        if warning:
            self.folder.log(warning)

    def _validation_is_due(self) -> bool:
        """Whether one comes after the step that was taken, within an epoch or at its end."""
        position = self.position
        return (
            position.step_in_epoch == self.task.steps
            or position.step % self.config.evaluate_step == 0
        )

    def _validate_when_due(self) -> bool:
        """Validate and save where the configuration says so; returns whether it validated."""
        position = self.position
        if position.step % self.config.evaluate_step or position.validated_step == position.step:
            return False
        self._validate()
        if self.checkpoints.last_is_due:
            self._save_last()
        return True

    def _validate(self) -> None:
        """Score the validation split; keep the model when its score is the best so far."""
        position = self.position
        if position.validated_step == position.step:
            return
        begin = monotonic()
        with self.step.average.in_place() if self.step.average else nullcontext():
            scored = self._score("val")
            score = scored.values[self.task.score_name]
            best = score > position.best_score or not position.best_step
            if best:
                self.checkpoints.save_best(self.task, position, scored.metrics)
                position.best_score, position.best_step = score, position.step
        position.validated_step = position.step
        position.history.append({"step": position.step, **scored.values})
        self._tell_scores("val", scored)
        self._tell("validated", scored, position.step)
        standing = "the best so far" if best else f"best {position.best_score:.1f}"
        self.folder.log(
            f"validation at step {position.step}: {scored.line}, {standing} "
            f"({monotonic() - begin:.1f} s)"
        )
        return_freed()

    def _save_last(self) -> None:
        average = self.step.average
        self.checkpoints.save_last(self.task, self.position, self.optimizer, average)

    def _stalled(self) -> bool:
        return self.position.stalled(self.config.early_stop, self.task.score_name)

    def _score(self, split: str) -> Scored:
        try:
            scored = self.task.score(split)
            scored.metrics, scored.values = self.ranks.told((scored.metrics, scored.values))
            return scored
        except Diverged as error:
            raise self._diverged(f"{error} after step {self.position.step}") from None

    def _check_loss(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise self._diverged(
                f"the loss is {loss} in epoch {self.position.epoch + 1} at step "
                f"{self.position.step}"
            )

    def _diverged(self, what: str) -> InputError:
        return InputError(
            f"{what}{self.task.batch_names()}: set a lower learning_rate; "
            f"{self.checkpoints.last} and {self.checkpoints.best} hold what was saved before."
        )

    def _tell(self, event: str, *what: Any) -> None:
        """Call the method of that name of each :class:`Listener`."""
        for listener in self.listeners:
            getattr(listener, event)(*what)

    def _tell_scores(self, split: str, scored: Scored) -> None:
        values = {f"{split}/{name}": value for name, value in scored.values.items()}
        self._tell("scalars", values, self.position.step)
