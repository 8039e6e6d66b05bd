"""safetensors files: written whole or not at all; and what NumPy cannot read of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import deserialize
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


def read_bfloat16(path: str | Path) -> dict[str, np.ndarray]:
    """``{name: float32 array}`` of the tensors of a file in bfloat16, which NumPy does not have.

    Raises:
        OSError, safetensors.SafetensorError: when the file cannot be read.
    """
    return {
        name: from_bfloat16(np.frombuffer(tensor["data"], "<u2").reshape(tensor["shape"]))
        for name, tensor in deserialize(Path(path).read_bytes())
        if tensor["dtype"] == "BF16"
    }


def from_bfloat16(bits: np.ndarray) -> np.ndarray:
    """float32 of numbers in bfloat16, whose bits stand in 16-bit integers."""
    return (bits.astype(np.uint32) << 16).view(np.float32)
