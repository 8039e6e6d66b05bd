"""GoogLeNet's features alone: Paddle's network returns three outputs, as a tuple."""

from __future__ import annotations

import paddle
from paddle.vision.models import GoogLeNet


class GoogLeNetFeatures(GoogLeNet):
    """Without the two auxiliary heads, which need images of 224 pixels.

    A module of its own: Paddle 2.6 cannot export a class made inside a function.
    """

    def __init__(self) -> None:
        super().__init__()
        self.num_classes = 0  # the inherited forward then stops at the pools

    def forward(self, inputs: paddle.Tensor) -> paddle.Tensor:
        features = GoogLeNet.forward(self, inputs)[0]
        if len(features.shape) == 3:  # cells
            return features
        return paddle.flatten(features, start_axis=1)
