"""Single numbers that a training step leaves out, alike in a layer and in its twin on a CPU."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import paddle

from vsepp.models.twins.step_packing import StepPacking


def kept_numbers(shape: Sequence[int], share: float) -> np.ndarray:
    """A bool array, True where a number stays; it follows from the state of Paddle's generator.

    NumPy draws, several times as fast on a CPU, from one number of Paddle's.
    """
    seed = paddle.randint(0, 2**31 - 1, [1]).item()
    draws = np.random.Generator(np.random.SFC64(seed)).random(tuple(shape), np.float32)
    return draws >= share


def drop_numbers(
    values: paddle.Tensor, share: float, packing: StepPacking | None = None
) -> paddle.Tensor:
    """Values with a share of them set to 0 and the others scaled up.

    Args:
        values: float tensor of any shape; ``[words, size]`` where a packing is given.
        share: of them, to be left out.
        packing: that ``values`` are packed by: what is left out is that of their grid.
    """
    if not share:
        return values
    if not values.place.is_cpu_place():
        return paddle.nn.functional.dropout(values, share)
    if packing is None:
        mask = kept_numbers(values.shape, share)
    else:
        grid = len(packing.order), len(packing.batch_sizes), values.shape[1]
        mask = packing.packed(kept_numbers(grid, share))
    scaled = mask.astype(np.float32)
    scaled *= 1 / (1 - share)
    return values * paddle.to_tensor(scaled)
