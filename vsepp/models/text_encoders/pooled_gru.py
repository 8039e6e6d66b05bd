"""A GRU in one or both directions, whose words' states become one vector by any pooling."""

from __future__ import annotations

import paddle

from vsepp.models.dropout import drop_numbers
from vsepp.models.pooling import build_pooling
from vsepp.models.projection import ResidualProjection
from vsepp.models.text_encoders.gru import TextRepExtractor
from vsepp.models.text_encoders.text_dropout import TextDropout

LAST = "last"


class PooledTextExtractor(TextRepExtractor):
    """Captions → unit vectors.

    Args:
        vocab_size, word_dim, embed_size, num_layers, use_abs: see :class:`TextRepExtractor`.
        both_ways: read captions from either end, and average the two states of each word.
        pooling: ``last``, the state at the last word, or a name of
            ``vsepp.models.pooling.POOLINGS``. Where captions are read both ways, the last state
            of the way back is that at the first word; the two are averaged.
        dropout: what a step of training leaves out.
        projection: ``linear``, the pooled state itself is the code; or ``residual``, see
            :class:`vsepp.models.projection.ResidualProjection`.
        normalize: of a residual projection, L2-normalise the codes.
    """

    def __init__(
        self,
        vocab_size: int,
        word_dim: int,
        embed_size: int,
        num_layers: int,
        use_abs: bool = False,
        both_ways: bool = False,
        pooling: str = LAST,
        dropout: TextDropout = TextDropout(),
        projection: str = "linear",
        normalize: bool = True,
    ) -> None:
        direction = "bidirect" if both_ways else "forward"
        super().__init__(vocab_size, word_dim, embed_size, num_layers, use_abs, direction)
        self.both_ways = both_ways
        self.pooling = None if pooling == LAST else build_pooling(pooling)
        self.dropout = dropout
        residual = projection == "residual"
        self.fc = ResidualProjection(embed_size, embed_size) if residual else None
        self.normalize = normalize

    @property
    def dropout_now(self) -> TextDropout:
        """What a step leaves out in the mode that the layer is in."""
        return self.dropout if self.training else TextDropout()

    def forward(self, captions: paddle.Tensor, cap_lens: paddle.Tensor) -> paddle.Tensor:
        """int64 ``[batch, time]`` and ``[batch]`` → float32 ``[batch, embed_size]``, unchecked."""
        dropout, lengths = self.dropout_now, cap_lens.reshape([-1])
        inputs = drop_numbers(self.embedding(dropout.of_words(captions)), dropout.embeddings)
        states, last = self.gru(inputs, sequence_length=lengths)
        if self.pooling is None:
            state = (last[-2] + last[-1]) / 2 if self.both_ways else last[-1]
            return self.code_of(drop_numbers(state, dropout.outputs))
        if self.both_ways:
            ahead, back = paddle.split(states, 2, axis=-1)
            states = (ahead + back) / 2
        return self.code_of(self.pooling(drop_numbers(states, dropout.outputs), lengths))

    def code_of(self, state: paddle.Tensor) -> paddle.Tensor:
        """The code that a pooled state ``[batch, embed_size]`` stands for."""
        if self.fc is not None:
            state = self.fc(state)
        if self.normalize:
            # not super(), which Paddle 2 cannot export
            return TextRepExtractor.code_of(self, state)
        return paddle.abs(state) if self.use_abs else state
