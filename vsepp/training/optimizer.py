"""Adam and AdamW with global-norm clipping, and their state by the names of parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import paddle

from vsepp.config import Config
from vsepp.system.errors import InputError
from vsepp.training.schedules import build_schedule


def get_optimizer(
    model: paddle.nn.Layer, config: Any, steps_per_epoch: int | None = None
) -> paddle.optimizer.Optimizer:
    """Adam, or AdamW, over the trainable parameters of ``model``.

    AdamW's ``weight_decay`` is not for biases, the gains of normalisations and the temperature:
    whatever has fewer than two dimensions.

    Args:
        model: a ``paddle.nn.Layer``. A parameter with a rate of its own has the factor in its
            ``optimize_attr["learning_rate"]``.
        config: any object with attributes ``learning_rate, lr_update, lr_decay,
            min_learning_rate, grad_clip``, and ``optimizer, weight_decay, schedule, warmup_steps,
            num_epochs``; missing ones take the documented defaults.
        steps_per_epoch: batches of an epoch, which ``schedule=cosine`` and ``warmup_steps`` need.

    Returns:
        paddle.optimizer.Adam: its learning rate is a scheduler that the caller steps once
        per epoch (``optimizer._learning_rate.step()``); gradients are clipped to the global
        norm ``grad_clip``. With ``optimizer=adamw`` it is ``paddle.optimizer.AdamW``; with
        ``schedule=cosine`` or ``warmup_steps`` the caller steps the scheduler once per step.

    Raises:
        InputError: for a ``weight_decay`` of Adam, or see
            :func:`vsepp.training.schedules.build_schedule`.
    """
    defaults = Config()

    def value(key: str) -> Any:
        return getattr(config, key, getattr(defaults, key))

    parameters = [parameter for parameter in model.parameters() if not parameter.stop_gradient]
    common = dict(
        learning_rate=build_schedule(value, steps_per_epoch),
        parameters=parameters,
        grad_clip=paddle.nn.ClipGradByGlobalNorm(value("grad_clip")),
    )
    check_decay(value("optimizer"), value("weight_decay"))
    if value("optimizer") == "adam":
        return paddle.optimizer.Adam(**common)
    decayed = {parameter.name for parameter in parameters if len(parameter.shape) > 1}
    return paddle.optimizer.AdamW(
        weight_decay=value("weight_decay"), apply_decay_param_fun=decayed.__contains__, **common
    )


def check_decay(optimizer: str, weight_decay: float) -> None:
    """InputError for a ``weight_decay`` of Adam."""
    if optimizer == "adam" and weight_decay:
        raise InputError("weight_decay is of AdamW: set optimizer=adamw, or weight_decay=0.")


#: what Adam and AdamW keep of each parameter, as Paddle calls it behind the parameter's name
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
    done: int,
    source: str = "the checkpoint",
) -> None:
    """Set what :func:`optimizer_state` returned, and the schedule.

    ``done`` are the epochs, or steps, that it has behind it, whichever it counts.

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
    schedule.step(done)
    optimizer.set_state_dict({**stored, "LR_Scheduler": schedule.state_dict()})
