"""Adam with stepped decay and global-norm clipping."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import paddle
from paddle.optimizer.lr import LRScheduler

from vsepp.config import Config
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
        cuts = self.last_epoch // self.lr_update
        return max(self.base_lr * self.lr_decay**cuts, self.floor)


def get_optimizer(model: paddle.nn.Layer, config: Any) -> paddle.optimizer.Adam:
    """Adam over the trainable parameters of ``model``.

    Args:
        model: a ``paddle.nn.Layer``.
        config: any object with attributes ``learning_rate, lr_update, lr_decay,
            min_learning_rate, grad_clip``; missing ones take the documented defaults.

    Returns:
        paddle.optimizer.Adam: its learning rate is a scheduler that the caller steps once
        per epoch (``optimizer._learning_rate.step()``); gradients are clipped to the global
        norm ``grad_clip``.
    """
    defaults = Config()

    def value(key: str) -> Any:
        return getattr(config, key, getattr(defaults, key))

    schedule = SteppedDecay(
        value("learning_rate"), value("lr_update"), value("lr_decay"), value("min_learning_rate")
    )
    return paddle.optimizer.Adam(
        learning_rate=schedule,
        parameters=[parameter for parameter in model.parameters() if not parameter.stop_gradient],
        grad_clip=paddle.nn.ClipGradByGlobalNorm(value("grad_clip")),
    )


#: what Adam keeps of each parameter, as Paddle calls it behind the parameter's name
SLOTS = ("moment1_0", "moment2_0", "beta1_pow_acc_0", "beta2_pow_acc_0")


def optimizer_state(
    model: paddle.nn.Layer, optimizer: paddle.optimizer.Optimizer
) -> dict[str, dict[str, np.ndarray]]:
    """Adam's state by structured parameter names: ``{slot: {parameter: ndarray}}``.

    Paddle's own keys are names it makes up in order of creation; they differ as soon as
    another layer was built first.
    """
    # Paddle 2.6 holds what was restored aside until the first step, and does not hand it out.
    stored = {**getattr(optimizer, "_accumulators_holder", {}), **optimizer.state_dict()}
    result: dict[str, dict[str, np.ndarray]] = {}
    for name, parameter in model.named_parameters():
        for slot in SLOTS:
            value = stored.get(f"{parameter.name}_{slot}")
            if value is not None:
                result.setdefault(slot, {})[name] = np.array(value.numpy())
    return result


def restore_optimizer(
    model: paddle.nn.Layer,
    optimizer: paddle.optimizer.Optimizer,
    state: Mapping[str, Mapping[str, np.ndarray]],
    epochs: int,
    source: str = "the checkpoint",
) -> None:
    """Set what :func:`optimizer_state` returned, and the schedule to ``epochs`` done.

    Raises:
        InputError: when the state is of another model.
    """
    stored = {}
    for name, parameter in model.named_parameters():
        if parameter.stop_gradient:
            continue
        for slot in SLOTS:
            value = state.get(slot, {}).get(name)
            fits = value is not None and value.shape == tuple(parameter.shape)
            if slot.startswith("moment") and not fits:
                raise InputError(
                    f"{source}: Adam's {slot} of {name} is missing or of another "
                    "shape: resume with the configuration that wrote it."
                )
            if value is not None:
                tensor = paddle.to_tensor(value)
                tensor.name = f"{parameter.name}_{slot}"
                stored[tensor.name] = tensor
    schedule = optimizer._learning_rate
    schedule.last_epoch = epochs
    schedule.last_lr = schedule.get_lr()
    optimizer.set_state_dict({**stored, "LR_Scheduler": schedule.state_dict()})
