"""The transformer that BERT, ERNIE and CLIP's towers are built of, in plain tensor operations.

On a CPU, ``vsepp.models.twins.packed_transformer`` computes the same, without padding, several
times as fast; with the same layers and their weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

import paddle
from paddle import nn
from paddle.nn import functional

from vsepp.system.errors import InputError

#: ``hidden_act`` of a ``config.json`` → the function that it means
ACTIVATIONS = {
    "gelu": functional.gelu,
    "gelu_new": lambda states: functional.gelu(states, approximate=True),
    "gelu_pytorch_tanh": lambda states: functional.gelu(states, approximate=True),
    "quick_gelu": lambda states: states * functional.sigmoid(1.702 * states),
    "relu": functional.relu,
}

_LARGEST_EPSILON = 1e-3  # that Paddle's norms take
NOT_SEEN = -1e4  # added to a score; its exponential is nothing, and half precision can hold it


@dataclass(frozen=True)
class LayerOptions:
    """What a layer of a transformer is like.

    Attributes:
        size: numbers of a state; in ``heads`` equal parts, each with an attention of its own.
        inner_size: numbers between the two dense layers.
        activation: one of :data:`ACTIVATIONS`.
        norm_first: norms stand before what they norm (CLIP), not after the sum (BERT).
        layer_norm_eps: what a norm adds to the variance.
        dropout: share dropped of what attention and dense layers add to the states.
        attention_dropout: share dropped of the attention's probabilities.

    Raises:
        InputError: for an activation that is not known, heads that do not divide the size, or an
            epsilon that no norm has.
    """

    size: int
    heads: int
    inner_size: int
    activation: str = "gelu"
    norm_first: bool = False
    layer_norm_eps: float = 1e-12
    dropout: float = 0.0
    attention_dropout: float = 0.0

    def __post_init__(self) -> None:
        if self.activation not in tuple(ACTIVATIONS):
            raise InputError(
                f"hidden_act: {self.activation!r} is not known; known are "
                f"{', '.join(ACTIVATIONS)}: use a model that has one of these."
            )
        if self.heads < 1 or self.size % self.heads:
            raise InputError(
                f"num_attention_heads: {self.heads} heads do not divide the hidden size "
                f"{self.size}: the configuration is damaged; fetch it again."
            )
        if not 0 <= self.layer_norm_eps <= _LARGEST_EPSILON:
            raise InputError(
                f"layer_norm_eps: {self.layer_norm_eps} is not between 0 and {_LARGEST_EPSILON}, "
                "as that of every norm is: the configuration is damaged; fetch it again."
            )


class TransformerLayer(nn.Layer):
    """Attention and two dense layers, each added to what went in, with two norms.

    Args:
        options: :class:`LayerOptions`.

    Attributes:
        query, key, value, output: ``nn.Linear`` of the attention.
        norm_attention: ``nn.LayerNorm`` of the attention.
        up, down: the two dense layers.
        norm_output: ``nn.LayerNorm`` of the dense layers.
    """

    def __init__(self, options: LayerOptions) -> None:
        super().__init__()
        self.options = options
        size, eps = options.size, options.layer_norm_eps
        self.query = nn.Linear(size, size)
        self.key = nn.Linear(size, size)
        self.value = nn.Linear(size, size)
        self.output = nn.Linear(size, size)
        self.norm_attention = nn.LayerNorm(size, eps)
        self.up = nn.Linear(size, options.inner_size)
        self.down = nn.Linear(options.inner_size, size)
        self.norm_output = nn.LayerNorm(size, eps)
        self.dropout = nn.Dropout(options.dropout)
        self.attention_dropout = nn.Dropout(options.attention_dropout)

    def forward(
        self, states: paddle.Tensor, mask: Optional[paddle.Tensor] = None, causal: bool = False
    ) -> paddle.Tensor:
        """float32 ``[batch, time, size]`` → the same shape.

        Args:
            mask: bool ``[batch, time]``, which states are there; None when all are. What comes
                out for a state that is not there means nothing.
            causal: no state sees a later one.
        """
        if self.options.norm_first:
            states = states + self._attend(self.norm_attention(states), mask, causal)
            return states + self._dense(self.norm_output(states))
        states = self.norm_attention(states + self._attend(states, mask, causal))
        return self.norm_output(states + self._dense(states))

    def _attend(
        self, states: paddle.Tensor, mask: Optional[paddle.Tensor], causal: bool
    ) -> paddle.Tensor:
        query, key, value = map(
            self._heads, (self.query(states), self.key(states), self.value(states))
        )
        scores = paddle.matmul(query, key, transpose_y=True) * query.shape[-1] ** -0.5
        if mask is not None:
            missing = 1 - mask.astype(scores.dtype)
            scores = scores + missing.unsqueeze([1, 2]) * NOT_SEEN
        if causal:
            scores = scores + paddle.triu(paddle.full_like(scores, NOT_SEEN), 1)
        probabilities = self.attention_dropout(functional.softmax(scores))
        found = paddle.matmul(probabilities, value).transpose([0, 2, 1, 3])
        return self.dropout(self.output(found.reshape([0, 0, self.options.size])))

    def _heads(self, states: paddle.Tensor) -> paddle.Tensor:
        """``[batch, time, size]`` → ``[batch, heads, time, size / heads]``."""
        heads = self.options.heads
        parts = states.reshape([0, 0, heads, self.options.size // heads])
        return parts.transpose([0, 2, 1, 3])

    def _dense(self, states: paddle.Tensor) -> paddle.Tensor:
        inner = ACTIVATIONS[self.options.activation](self.up(states))
        return self.dropout(self.down(inner))


class Transformer(nn.Layer):
    """Layers one after another; parameters are named ``layers.0.query.weight`` and so on.

    Args:
        depth: how many.
        options: :class:`LayerOptions` of each.
    """

    def __init__(self, depth: int, options: LayerOptions) -> None:
        super().__init__()
        self.options = options
        self.layers = nn.LayerList([TransformerLayer(options) for _ in range(depth)])

    def forward(
        self, states: paddle.Tensor, mask: Optional[paddle.Tensor] = None, causal: bool = False
    ) -> paddle.Tensor:
        """See :meth:`TransformerLayer.forward`."""
        for layer in self.layers:
            states = layer(states, mask, causal)
        return states


def positions_of(tokens: paddle.Tensor) -> paddle.Tensor:
    """0, 1, 2, … in each row: int64 ``[batch, time]`` → the same shape."""
    # A sum of ones rather than a range: their number is unknown while a network is exported.
    return paddle.cumsum(paddle.ones_like(tokens), axis=1) - 1
