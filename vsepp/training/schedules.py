"""The learning rate over a run: cuts between epochs, or a rate of its own for every step."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from paddle.optimizer import Optimizer
from paddle.optimizer.lr import LRScheduler

from vsepp.system.errors import InputError


class SteppedDecay(LRScheduler):
    """The learning rate times ``lr_decay`` every ``lr_update`` epochs, with a floor.

    The caller steps it once per epoch. A rate that starts below the floor stays as it is.
    """

    def __init__(
        self, learning_rate: float, lr_update: int, lr_decay: float, min_learning_rate: float
    ) -> None:
        self.lr_update = lr_update
        self.lr_decay = lr_decay
        self.floor = min(min_learning_rate, learning_rate)
        super().__init__(learning_rate)

    def get_lr(self) -> float:
        return self.after(self.last_epoch)

    def after(self, epochs: int) -> float:
        """The rate once so many epochs are done."""
        return max(self.base_lr * self.lr_decay ** (epochs // self.lr_update), self.floor)


class StepSchedule(LRScheduler):
    """A rate for every step, which rises linearly at first.

    The caller steps it once per step. The first of ``warmup_steps`` has a share of one in so many
    of the rate, the last of them the whole.

    Args:
        rate: of a step, from 0, without the rise.
        warmup_steps: how long it rises; 0: not at all.
    """

    def __init__(self, rate: Callable[[int], float], warmup_steps: int = 0) -> None:
        self.rate = rate
        self.warmup_steps = warmup_steps
        super().__init__(rate(0))

    def get_lr(self) -> float:
        step = self.last_epoch
        risen = (step + 1) / self.warmup_steps if step < self.warmup_steps else 1.0
        return self.rate(step) * risen


def cosine(
    learning_rate: float, min_learning_rate: float, steps: int, begin: int = 0
) -> Callable[[int], float]:
    """Half a cosine from ``learning_rate`` at step ``begin`` to ``min_learning_rate`` at ``steps``.

    Before and behind, it is what it is at its ends. A floor above the rate is none.

    >>> rate = cosine(1.0, 0.0, steps=4)
    >>> [round(rate(step), 3) for step in range(5)]
    [1.0, 0.854, 0.5, 0.146, 0.0]
    """
    floor = min(min_learning_rate, learning_rate)

    def rate(step: int) -> float:
        done = min(max((step - begin) / (steps - begin), 0.0), 1.0)
        return floor + (learning_rate - floor) * (1 + math.cos(math.pi * done)) / 2

    return rate


def build_schedule(value: Callable[[str], Any], steps_per_epoch: int | None) -> LRScheduler:
    """What the keys ``schedule`` and ``warmup_steps`` ask for.

    Args:
        value: of a key of the configuration.
        steps_per_epoch: batches of an epoch; where the rate is not that of an epoch.

    Raises:
        InputError: when the number of steps is needed and not there, or all of them are to rise.
    """
    keys = ("learning_rate", "lr_update", "lr_decay", "min_learning_rate")
    stepped = SteppedDecay(*map(value, keys))
    kind, warmup, epochs = map(value, ("schedule", "warmup_steps", "num_epochs"))
    if kind == "step" and not warmup:
        return stepped
    if not steps_per_epoch:
        raise InputError(
            "schedule=cosine and warmup_steps count steps: give get_optimizer the number of those "
            "of an epoch, steps_per_epoch=len(loader)."
        )
    steps = epochs * steps_per_epoch
    if warmup >= steps:
        raise InputError(
            f"warmup_steps {warmup} leaves nothing of the {steps} steps of the run: set it lower, "
            f"such as warmup_steps={steps // 10}."
        )
    if kind == "cosine":
        rate = cosine(stepped.base_lr, stepped.floor, steps, warmup)
        return StepSchedule(rate, warmup)
    return StepSchedule(lambda step: stepped.after(step // steps_per_epoch), warmup)


def counts_steps(optimizer: Optimizer) -> bool:
    """Whether the rate is one of steps; otherwise it is one of epochs."""
    return isinstance(optimizer._learning_rate, StepSchedule)
