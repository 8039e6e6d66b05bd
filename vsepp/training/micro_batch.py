"""The gradient of a large batch in the memory of a small one.

The loss compares every image with every sentence of the batch, so the batch cannot simply be
cut. But it sees only codes, and they are small: the codes are computed slice by slice without
keeping activations, the loss gives each code its gradient, and each slice is computed once
more to hand that gradient on to the backbone.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import paddle
from paddle import nn

from vsepp.config import Config
from vsepp.models.ranks import Alone

_NORMALISATIONS = (nn.BatchNorm, nn.BatchNorm1D, nn.BatchNorm2D, nn.SyncBatchNorm)


def hold_batch_statistics(model: nn.Layer, synchronised: bool = True) -> None:
    """Put batch-norm in evaluation mode: a slice's statistics are not the batch's.

    Args:
        synchronised: one whose statistics are those of the whole batch as well.
    """
    for layer in model.sublayers():
        if isinstance(layer, _NORMALISATIONS):
            if synchronised or not isinstance(layer, nn.SyncBatchNorm):
                layer.eval()


def synchronise_batch_norm(model: nn.Layer, config: Config, ranks: Alone) -> list[str]:
    """Let the batch-norms that train take their statistics over all ranks where they can.

    That is with ``sync_batch_norm`` and on cards; otherwise, and where Paddle knows no way, they
    are held. Call it before the first step; the parameters stay the same.

    Returns:
        lines that say so, where there are such batch-norms
    """
    if ranks.count == 1 or config.micro_batch_size:
        return []
    model.train()
    if not _training_norms(model):
        return []
    if config.sync_batch_norm and ranks.backend == "nccl":
        nn.SyncBatchNorm.convert_sync_batchnorm(model)
        model.train()
    held = [each for each in _training_norms(model) if not isinstance(each, nn.SyncBatchNorm)]
    if not held:
        return ["batch-norm takes its statistics over the whole batch, of all processes"]
    if not config.sync_batch_norm:
        why = "as sync_batch_norm=false says"
    elif ranks.backend == "nccl":
        why = "where it is of a kind that Paddle does not synchronise"
    else:
        why = "since only cards exchange them"
    return [f"batch-norm keeps the statistics that it begins with, {why}"]


def _training_norms(model: nn.Layer) -> list[nn.Layer]:
    return [
        layer
        for layer in model.sublayers()
        if isinstance(layer, _NORMALISATIONS) and layer.training
    ]


def seed_from(*numbers: int) -> None:
    """Seed Paddle from whole numbers, such as (seed, step): what follows can be repeated."""
    paddle.seed(int(np.random.SeedSequence(numbers).generate_state(1)[0]))


def sliced_codes(
    encode: Callable[[paddle.Tensor], paddle.Tensor],
    images: paddle.Tensor,
    size: int,
    seed: tuple[int, ...],
) -> tuple[paddle.Tensor, Callable[[], None]]:
    """Codes of images, ``size`` at a time, and how to take their gradient back to the encoder.

    Args:
        encode: from images to codes; batch-norm should be held, see
            :func:`hold_batch_statistics`.
        images: tensor ``[batch, ...]``.
        size: images in a slice.
        seed: tuple of whole numbers; dropout follows from it, alike in both passes.

    Returns:
        (codes ``[batch, ...]``, a leaf of the graph; a function without arguments, to
        be called once the codes have their gradient)
    """
    starts = range(0, images.shape[0], size)

    def encode_slice(start: int) -> paddle.Tensor:
        seed_from(*seed, start)
        return encode(images[start : start + size])

    with paddle.no_grad():
        codes = paddle.concat([encode_slice(start).astype("float32") for start in starts])
    codes.stop_gradient = False

    def hand_on() -> None:
        for start in starts:
            part = encode_slice(start)
            part.backward(codes.grad[start : start + size].astype(part.dtype))

    return codes, hand_on
