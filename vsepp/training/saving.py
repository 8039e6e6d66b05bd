"""The two checkpoints that a run writes: its best model, and all that it takes to go on."""

from __future__ import annotations

from time import monotonic
from typing import Any

from paddle.optimizer import Optimizer

from vsepp.checkpoint import move_aside, save_checkpoint
from vsepp.config import Config
from vsepp.models.state import get_state
from vsepp.training.averaging import WeightAverage
from vsepp.training.optimizer import optimizer_state
from vsepp.training.position import Position
from vsepp.training.task import Task


class Checkpoints:
    """Where the best and the last checkpoint of a run lie, and what is in them.

    Their folders are made, or it is said at once that there can be none.

    Args:
        config: of the run.
        writes: whether this process writes them; of several that train together, one does.

    Attributes:
        best, last: their paths.
    """

    def __init__(self, config: Config, writes: bool) -> None:
        self.config, self.writes = config, writes
        self.best, self.last = config.path("best_checkpoint"), config.path("last_checkpoint")
        for path in (self.best, self.last):
            path.parent.mkdir(parents=True, exist_ok=True)
        self._saved = monotonic()

    def move_old_aside(self) -> list[str]:
        """Make room for a new run's; returns what was done, in words."""
        moved = [(path, move_aside(path)) for path in (self.best, self.last) if self.writes]
        return [f"{path} is of an earlier run; it is now {aside}" for path, aside in moved if aside]

    def start_clock(self) -> None:
        """The last checkpoint is as good as written now."""
        self._saved = monotonic()

    @property
    def last_is_due(self) -> bool:
        """Whether ``save_seconds`` have passed since the last checkpoint was written."""
        return monotonic() - self._saved >= self.config.save_seconds

    def save_best(self, task: Task, position: Position, metrics: dict) -> None:
        """Weights, and what it takes to answer with them."""
        if self.writes:
            state = {**get_state(task.model), **task.more_weights()}
            save_checkpoint(self.best, state, **self._contents(task, position, metrics))

    def save_last(
        self, task: Task, position: Position, optimizer: Optimizer, average: WeightAverage | None
    ) -> None:
        """Weights, optimizer, average and position: all that it takes to go on."""
        if self.writes:
            save_checkpoint(
                self.last,
                get_state(task.model),
                optimizer=optimizer_state(task.model, optimizer),
                ema=average.state() if average else None,
                position=position.stored(),
                **self._contents(task, position, None),
            )
        self.start_clock()

    def _contents(self, task: Task, position: Position, metrics: dict | None) -> dict[str, Any]:
        return dict(
            config=self.config.to_dict(),
            epoch=min(position.epoch + 1, self.config.num_epochs),
            step=position.step,
            metrics=metrics,
            **task.contents(),
        )
