"""One piece of memory as a tensor and as a NumPy array, on the CPU, without a copy."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import paddle
from paddle.utils.dlpack import from_dlpack, to_dlpack

_CPU = 1  # DLPack's number for it
_ALIGNMENT = 64  # bytes, as Paddle's own memory lies; where sums begin, and so their last bit,
# depends on it


class _Exported:
    """A tensor as ``numpy.from_dlpack`` takes it, under every version of Paddle."""

    def __init__(self, tensor: paddle.Tensor) -> None:
        self._capsule = to_dlpack(tensor.detach())

    def __dlpack__(self, **options: Any) -> Any:
        return self._capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return _CPU, 0


def array_of(tensor: paddle.Tensor) -> np.ndarray:
    """The numbers of a CPU tensor of any shape, to be read only; they change as it does.

    Of a tensor that is a view, such as a transposed one, they are a copy: under Paddle 2 they come
    out in the order in which they lie.
    """
    tensor = tensor if tensor.is_contiguous() else tensor.contiguous()
    return np.from_dlpack(_Exported(tensor))


def empty(shape: tuple[int, ...], dtype: npt.DTypeLike = np.float32) -> np.ndarray:
    """A contiguous array, not filled, that lies in memory as Paddle's own tensors do."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    raw = np.empty(size + _ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % _ALIGNMENT
    return raw[start : start + size].view(dtype).reshape(shape)


def tensor_of(array: np.ndarray) -> paddle.Tensor:
    """A CPU tensor that takes over a contiguous array, which nothing else may write to.

    One that does not lie in memory as Paddle's own do is copied, so that what is computed of it is
    the same to the bit in every run: see :func:`empty`. Under Paddle 2 it is always a copy.
    """
    if array.ctypes.data % _ALIGNMENT:
        aligned = empty(array.shape, array.dtype)
        aligned[...] = array
        array = aligned
    return from_dlpack(array.__dlpack__())


def wanted(tensors: Iterable[paddle.Tensor | None]) -> list[bool]:
    """Of each of a PyLayer's inputs that is a tensor, whether it has a gradient."""
    return [not tensor.stop_gradient for tensor in tensors if tensor is not None]


def gradients(
    arrays: Iterable[np.ndarray], are_wanted: Sequence[bool]
) -> tuple[paddle.Tensor | None, ...]:
    """What a PyLayer's ``backward`` returns, which is None for a tensor that has no gradient.

    Args:
        arrays: the gradients of its inputs that are tensors.
        are_wanted: what :func:`wanted` found of these.
    """
    return tuple(tensor_of(one) if want else None for one, want in zip(arrays, are_wanted))
