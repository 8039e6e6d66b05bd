"""What a training step leaves out of captions: words, numbers of their embeddings and states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Tuple

import numpy as np
import paddle

from vsepp.models.twins.packing import Packing


class TextDropout(NamedTuple):
    """Shares that are left out in training mode; what is 0 draws no random number.

    Attributes:
        words: of whole words. One that is left out is read as ``<unk>``, which is what an encoder
            meets in the place of a word it does not know. The marks of a caption stay.
        embeddings: of the numbers of the words' embeddings.
        outputs: of the numbers of the words' states before they are pooled, or of the last state.
        unknown: index of ``<unk>``.
        marks: indices of ``<pad>``, ``<start>`` and ``<end>``.
    """

    words: float = 0.0
    embeddings: float = 0.0
    outputs: float = 0.0
    unknown: int = 0
    marks: Tuple[int, ...] = ()

    def of_words(self, captions: paddle.Tensor) -> paddle.Tensor:
        """int64 ``[batch, time]`` with ``<unk>`` in the place of the words that are left out."""
        if not self.words:
            return captions
        left_out = paddle.to_tensor(~kept(captions.shape, self.words))
        for mark in self.marks:
            left_out = paddle.logical_and(left_out, captions != mark)
        return paddle.where(left_out, paddle.full_like(captions, self.unknown), captions)


def kept(shape: Sequence[int], share: float) -> np.ndarray:
    """A bool array, True where a number stays; it follows from the state of Paddle's generator.

    NumPy draws, several times as fast on a CPU, from one number of Paddle's.
    """
    seed = paddle.randint(0, 2**31 - 1, [1]).item()
    draws = np.random.Generator(np.random.SFC64(seed)).random(tuple(shape), np.float32)
    return draws >= share


def dropped(values: paddle.Tensor, share: float, packing: Packing | None = None) -> paddle.Tensor:
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
        mask = kept(values.shape, share)
    else:
        grid = len(packing.order), len(packing.batch_sizes), values.shape[1]
        mask = packing.packed(kept(grid, share))
    scaled = mask.astype(np.float32)
    scaled *= 1 / (1 - share)
    return values * paddle.to_tensor(scaled)
