"""What the two encoders of the documents' dual encoder end in."""

from __future__ import annotations

import paddle
from paddle import nn

_EPSILON = 1e-3  # of Keras's layer normalisation


class ResidualProjection(nn.Layer):
    """A linear layer; then GELU, a linear layer and dropout, added to it; layer normalisation.

    Its codes are compared by their dot product as they are: an encoder that ends in it divides
    them by their length only where ``normalize_images`` says so, on both sides.

    Args:
        size: numbers of what comes in.
        embed_size: numbers of a code.
        dropout: share of the added numbers that a step of training leaves out.
    """

    def __init__(self, size: int, embed_size: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.first = _glorot(size, embed_size)
        self.second = _glorot(embed_size, embed_size)
        self.dropout = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(embed_size, epsilon=_EPSILON)

    def forward(self, values: paddle.Tensor) -> paddle.Tensor:
        """float32 ``[…, size]`` → float32 ``[…, embed_size]``."""
        projected = self.first(values)
        added = self.dropout(self.second(nn.functional.gelu(projected)))
        return self.norm(projected + added)


def _glorot(size: int, embed_size: int) -> nn.Linear:
    return nn.Linear(
        size,
        embed_size,
        weight_attr=nn.initializer.XavierUniform(),
        bias_attr=nn.initializer.Constant(0.0),
    )
