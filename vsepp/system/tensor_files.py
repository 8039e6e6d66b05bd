"""Writing safetensors files: whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from vsepp.system.atomic import write_bytes


def write_tensors(
    path: str | Path, tensors: Mapping[str, np.ndarray], metadata: dict[str, str]
) -> None:
    """Write ``{name: ndarray}`` and ``{name: text}`` to ``path`` atomically.

    The library makes the bytes, and they are written here: it would write to a temporary file
    whose name chance decides, so that nobody could remove what a killed process leaves of it.

    Raises:
        OSError: naming ``path``, when it cannot be written.
    """
    arrays = {
        name: np.ascontiguousarray(value).reshape(value.shape) for name, value in tensors.items()
    }
    write_bytes(path, save(arrays, metadata))
