"""Which cells of a grid a step of training leaves out.

Everything is drawn from Paddle's generator, so that who seeds it has the same draws again.
"""

from __future__ import annotations

import paddle


def kept_cells(images: int, cells: int, share: float) -> paddle.Tensor:
    """Which cells stay: bool ``[images, cells]``, of each image at least one."""
    drawn = paddle.rand([images, cells])
    return drawn >= paddle.clip(drawn.max(axis=1, keepdim=True), max=share)


def kept_first(kept: paddle.Tensor) -> tuple[paddle.Tensor, paddle.Tensor]:
    """Where the cells that stay are.

    Args:
        kept: bool ``[images, cells]``.

    Returns:
        (int64 ``[images, longest]``: rows of the flattened ``[images · cells]``, an image's cells
        that stay before others; int64 ``[images]``, how many stay)
    """
    images, cells = kept.shape
    lengths = kept.astype("int64").sum(axis=1)
    order = paddle.argsort(kept.astype("int32"), axis=1, descending=True)
    order = order[:, : int(lengths.max())]
    return order + cells * paddle.arange(images, dtype="int64").unsqueeze(1), lengths
