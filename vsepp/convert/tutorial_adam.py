"""Adam's state between Paddle's names, which the tutorial stores, and the parameters' own."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from vsepp.models.vsepp import BACKBONE
from vsepp.training.optimizer import SLOTS

# The number behind a slot counts the optimizers of a process, not what is stored.
_SLOT_NAMES = "|".join(slot.rpartition("_")[0] for slot in SLOTS)
_KEY = re.compile(rf"(.+)_({_SLOT_NAMES})_\d+")


def read_adam(
    stored: object, weights: dict[str, np.ndarray], trainable: list[str]
) -> dict[str, dict[str, np.ndarray]] | None:
    """What an optimizer's ``state_dict`` holds of Adam, by the parameters' own names.

    Parameters are told apart by the names that Paddle gave them, which ``paddle.save`` keeps
    beside the weights; where it did not, by their order and shapes.

    Args:
        stored: the state as it was saved: ``{"conv2d_0.w_0_moment1_0": array, …}``.
        weights: the model's, :class:`vsepp.pickles.NamedArray` where Paddle's names are known.
        trainable: which of them are trained, in the model's order.

    Returns:
        ``{slot: {parameter: float32 array}}`` as in our checkpoints: of every trainable parameter,
        or of all but the backbone's, which was frozen then. None where any of it is missing.
    """
    found = _by_parameter(stored)
    head = [name for name in trainable if not name.startswith(BACKBONE)]
    known = {name: getattr(weights[name], "name", None) for name in trainable}
    if all(known.values()):
        states = {name: found[theirs] for name, theirs in known.items() if theirs in found}
        ways = [states] if set(states) in (set(trainable), set(head)) else []
    else:
        ways = [dict(zip(names, found.values())) for names in (trainable, head)
                if len(names) == len(found)]  # fmt: skip
    for states in ways:
        if all(complete(state, weights[name].shape) for name, state in states.items()):
            return {
                slot: {name: np.asarray(state[slot], np.float32) for name, state in states.items()}
                for slot in SLOTS
            }
    return None


def _by_parameter(stored: Any) -> dict[str, dict[str, np.ndarray]]:
    """``{Paddle's name: {slot: array}}``, in the order of the file."""
    found: dict[str, dict[str, np.ndarray]] = {}
    for key, value in stored.items() if isinstance(stored, dict) else ():
        match = _KEY.fullmatch(key) if isinstance(key, str) else None
        if match and isinstance(value, np.ndarray):
            found.setdefault(match[1], {})[f"{match[2]}_0"] = value
    return found


def complete(state: dict[str, np.ndarray], shape: tuple[int, ...]) -> bool:
    """Whether a parameter's moments have its shape and its powers of beta are one number each."""
    shapes = [shape if slot.startswith("moment") else (1,) for slot in SLOTS]
    return all(
        slot in state and state[slot].shape == wanted and np.isfinite(state[slot]).all()
        for slot, wanted in zip(SLOTS, shapes)
    )
