"""Where Paddle computes, and what to say when it cannot."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import paddle

from vsepp.system.errors import InputError, memory_exhausted


def select_device(name: str = "auto") -> str:
    """Make Paddle compute on ``auto`` (a GPU when there is one), ``cpu`` or ``gpu``.

    Returns:
        str: ``cpu`` or ``gpu``.

    Raises:
        InputError: when a GPU is asked for and there is none that this Paddle can use.
    """
    usable = paddle.is_compiled_with_cuda() and paddle.device.cuda.device_count() > 0
    if name == "gpu" and not usable:
        reason = (
            "no GPU was found"
            if paddle.is_compiled_with_cuda()
            else "this PaddlePaddle was built for the CPU"
        )
        raise InputError(
            f"device: gpu was asked for, but {reason}: set device=cpu, or install a "
            "GPU build as https://www.paddlepaddle.org.cn/install/quick says."
        )
    chosen = "gpu" if usable and name != "cpu" else "cpu"
    paddle.set_device(chosen)
    return chosen


def backbone_precision(wanted: str) -> str:
    """What a frozen backbone computes in where ``wanted`` is asked for.

    bfloat16 is for the products of a CPU; a GPU computes them in float32.
    """
    return wanted if paddle.get_device() == "cpu" else "float32"


@contextmanager
def memory_errors_explained(mend: str = "set a smaller batch_size") -> Iterator[None]:
    """Turn Paddle's report of exhausted memory into one sentence, an InputError."""
    try:
        yield
    except (MemoryError, RuntimeError, SystemError, OSError) as error:
        if memory_exhausted(error):
            device = "GPU" if "gpu" in paddle.get_device() else "machine"
            raise InputError(f"the {device}'s memory is exhausted: {mend}.") from error
        raise
