"""One piece of memory as a tensor and as a NumPy array, on the CPU, without a copy."""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle
from paddle.utils.dlpack import from_dlpack, to_dlpack

_CPU = 1  # DLPack's number for it


class _Exported:
    """A tensor as ``numpy.from_dlpack`` takes it, under every version of Paddle."""

    def __init__(self, tensor: paddle.Tensor) -> None:
        self._capsule = to_dlpack(tensor.detach())

    def __dlpack__(self, **options: Any) -> Any:
        return self._capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return _CPU, 0


def array_of(tensor: paddle.Tensor) -> np.ndarray:
    """The numbers of a CPU tensor of any shape, to be read only; they change as it does."""
    return np.from_dlpack(_Exported(tensor))


def tensor_of(array: np.ndarray) -> paddle.Tensor:
    """A CPU tensor that takes over a contiguous array, which nothing else may write to.

    Under Paddle 2 it is a copy.
    """
    return from_dlpack(array.__dlpack__())
