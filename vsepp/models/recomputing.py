"""Blocks of a backbone that compute their activations twice instead of keeping them."""

from __future__ import annotations

from collections.abc import Callable

import paddle
from paddle import nn

_DROPOUTS = (nn.Dropout, nn.Dropout2D, nn.AlphaDropout)


def recompute_blocks(backbone: nn.Layer) -> int:
    """Let the blocks of a backbone keep their inputs only, for less memory and a third more time.

    The backward pass computes a block's activations again. The gradients are the same; batch
    statistics of a layer in training mode move twice a step. Blocks are what the backbone's
    own ``nn.Sequential`` stages consist of, such as a ResNet's bottlenecks; those with
    dropout are left as they are, and so is a backbone without such stages.

    Returns:
        int: how many blocks there were.
    """
    blocks = [
        block
        for stage in backbone.children()
        if isinstance(stage, nn.Sequential)
        for block in stage.children()
        if _is_block(block)
    ]
    for block in blocks:
        block.forward = _Recomputed(block.forward)
    return len(blocks)


def _is_block(layer: nn.Layer) -> bool:
    parts = layer.sublayers()
    return bool(parts) and not any(isinstance(part, _DROPOUTS) for part in parts)


class _Recomputed:
    def __init__(self, forward: Callable[[paddle.Tensor], paddle.Tensor]) -> None:
        self.forward = forward

    def __call__(self, inputs: paddle.Tensor) -> paddle.Tensor:
        from paddle.distributed.fleet.utils import recompute

        if inputs.stop_gradient:  # nothing is kept for a backward pass
            return self.forward(inputs)
        return recompute(self.forward, inputs, preserve_rng_state=False)
