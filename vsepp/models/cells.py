"""The last map of a backbone, cell by cell."""

from __future__ import annotations

import paddle
from paddle import nn

from vsepp.system.errors import InputError


class Cells(nn.Layer):
    """A map as a list of its cells, in place of the pool that would average it.

    Args:
        side: cells a side, each an average over the map's own (0: the map's own).
    """

    def __init__(self, side: int = 0) -> None:
        super().__init__()
        self.side = side

    def forward(self, maps: paddle.Tensor) -> paddle.Tensor:
        """float32 ``[batch, channels, height, width]`` → ``[batch, cells, channels]``.

        Raises:
            InputError: when the map has fewer cells than are wanted.
        """
        if self.side:
            smallest = min(maps.shape[2:])
            if 0 < smallest < self.side:
                raise InputError(
                    f"image_grid: the map has {smallest} cells a side for images of this "
                    f"image_size, not {self.side}: set image_grid={smallest} or less, or 0."
                )
            maps = nn.functional.adaptive_avg_pool2d(maps, self.side)
        return maps.flatten(2).transpose([0, 2, 1])


def count_cells(backbone: nn.Layer, image_size: int) -> int:
    """How many cells a backbone that was built with a grid makes of an image.

    It is asked with one empty image, in evaluation mode, and left in the mode it was in.

    Raises:
        InputError: when ``image_grid`` is larger than its map of such an image.
    """
    training = backbone.training
    backbone.eval()
    with paddle.no_grad():
        cells = int(backbone(paddle.zeros([1, 3, image_size, image_size])).shape[1])
    if training:
        backbone.train()
    return cells
