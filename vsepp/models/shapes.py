"""Whether weights have the shapes that a configuration asks for."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from vsepp.system.errors import InputError


def check_shapes(
    state: Mapping[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]], source: str
) -> None:
    """InputError before a network is built that is larger than its weights.

    Args:
        state: ``{parameter: ndarray}``.
        shapes: ``{parameter: shape}`` that the configuration asks for.
        source: the file, for messages.
    """
    for name, shape in shapes.items():
        if name not in state:
            raise InputError(
                f"{source}: it lacks the parameter {name}, which its configuration and vocabulary "
                "say it has: the checkpoint is damaged; use another."
            )
        if state[name].shape != shape:
            raise InputError(
                f"{source}: {name} has the shape {state[name].shape}, its configuration and "
                f"vocabulary say {shape}: the checkpoint is damaged; use another."
            )
