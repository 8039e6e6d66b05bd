"""A transformer over packed sentences for the CPU: no padding but in the attention.

Interface, for encoders whose twin this is (see ``vsepp.models.twins``)::

    packed_states(stack, packed, lengths, causal) -> packed states

``packed`` is a float32 tensor ``[sum(lengths), size]``: the states of the first sentence, then
those of the second, and so on (of a batch of full length, ``[batch · time, size]``). The plain way
is ``stack(states, mask, causal)`` with ``[batch, time, size]``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import paddle

from vsepp.models.transformer import Transformer


def packed_states(
    stack: Transformer,
    packed: paddle.Tensor,
    lengths: np.ndarray | Sequence[int],
    causal: bool = False,
) -> paddle.Tensor:
    """What ``stack`` makes of sentences that lie one behind the other.

    Dropout is as in ``stack``: when it trains, drawn from Paddle's generator.

    Args:
        packed: float32 ``[sum(lengths), size]`` on the CPU.
        lengths: states of each sentence, each at least 1.
        causal: no state sees a later one.

    Returns:
        float32 tensor ``[sum(lengths), size]``.
    """
    lengths = np.asarray(lengths)
    there = np.arange(lengths.max()) < lengths[:, None]
    places = paddle.to_tensor(np.flatnonzero(there))
    grid = paddle.scatter(paddle.zeros([there.size, packed.shape[1]]), places, packed).reshape(
        [*there.shape, -1]
    )
    states = stack(grid, paddle.to_tensor(there), causal)
    return paddle.gather(states.reshape([-1, packed.shape[1]]), places)
