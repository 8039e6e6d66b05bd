"""Moving weights between networks and plain arrays, with nothing lost silently."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import paddle

from vsepp.system.errors import InputError


def get_state(network: paddle.nn.Layer) -> dict[str, np.ndarray]:
    """``{name: ndarray}`` of a layer's parameters and statistics, copied.

    ``nn.GRU`` lists each parameter under two names; the first is kept.
    """
    return {name: np.array(value.numpy()) for name, value in _own(network).items()}


def _own(network: paddle.nn.Layer) -> dict[str, paddle.Tensor]:
    """``state_dict`` without second names of the same tensor."""
    seen, own = set(), {}
    for name, value in network.state_dict().items():
        if value.name not in seen:
            seen.add(value.name)
            own[name] = value
    return own


def set_state(
    network: paddle.nn.Layer,
    state: Mapping[str, np.ndarray],
    source: str,
    optional: Iterable[str] = (),
) -> None:
    """Set a layer's parameters and statistics.

    Args:
        network: a ``paddle.nn.Layer``.
        state: ``{name: ndarray}``.
        source: the file it came from, for messages.
        optional: prefixes of names that may be missing from either side.

    Raises:
        InputError: naming a parameter that is missing, unknown, of another shape, or no number.
    """
    own = _own(network)
    second_names = set(network.state_dict()) - set(own)
    optional = tuple(optional)
    for name, value in own.items():
        if name not in state:
            if name.startswith(optional):
                continue
            raise InputError(
                f"{source} lacks the parameter {name}: it belongs to another model; "
                "give the checkpoint that fits the configuration."
            )
        if tuple(state[name].shape) != tuple(value.shape):
            raise InputError(
                f"{source}: {name} has the shape {tuple(state[name].shape)}, the model wants "
                f"{tuple(value.shape)}: word_dim, embed_size, num_layers, image_model and the "
                "vocabulary must be the checkpoint's."
            )
        if not np.isfinite(state[name]).all():
            raise InputError(
                f"{source}: {name} holds NaN or infinity: the file is damaged, or of a run that "
                "diverged; give another."
            )
    for name in state:
        if name not in own and name not in second_names and not name.startswith(optional):
            raise InputError(
                f"{source} has the parameter {name} that the model lacks: it belongs "
                "to another model; give the checkpoint that fits the configuration."
            )
    for name, value in own.items():
        if name in state:
            value.set_value(paddle.to_tensor(np.asarray(state[name], dtype=value.numpy().dtype)))
