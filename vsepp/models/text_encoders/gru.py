"""The GRU over words: the network that VSE++ reads captions with (section 3.2)."""

from __future__ import annotations

import paddle
from paddle import nn

from vsepp.models.embedding import l2_normalize
from vsepp.models.text_encoders.batches import longest_of
from vsepp.models.twins import compute


class TextRepExtractor(nn.Layer):
    """Captions → unit vectors.

    Args:
        vocab_size: words in the vocabulary.
        word_dim: size of a word's embedding, initialised U(−0.1, 0.1).
        embed_size: size of the GRU's state and of the result.
        num_layers: layers of the GRU.
        use_abs: take absolute values at the end, as Order0 of the authors does.
        direction: of the GRU, as Paddle calls it: ``forward`` or ``bidirect``.
    """

    def __init__(
        self,
        vocab_size: int,
        word_dim: int,
        embed_size: int,
        num_layers: int,
        use_abs: bool = False,
        direction: str = "forward",
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(
            vocab_size, word_dim, weight_attr=nn.initializer.Uniform(-0.1, 0.1)
        )
        self.gru = nn.GRU(word_dim, embed_size, num_layers, direction)
        self.use_abs = use_abs

    def __call__(self, captions: paddle.Tensor, cap_lens: paddle.Tensor) -> paddle.Tensor:
        """Codes of captions in any order of lengths, after a look at lengths and indices.

        Args:
            captions: int64 ``[batch, time]``, padded after each caption's end.
            cap_lens: int64 ``[batch]``, true lengths, ``1 … time``.

        Returns:
            float32 ``[batch, embed_size]``.

        Raises:
            InputError: for a length outside ``1 … time``, an index outside the vocabulary, or
                tensors of other shapes or types.
        """
        if not paddle.in_dynamic_mode():  # being exported: there are no values to look at
            return super().__call__(captions, cap_lens)
        longest = longest_of(captions, cap_lens, self.embedding.weight.shape[0])
        return compute(self, captions[:, :longest], cap_lens)

    def forward(self, captions: paddle.Tensor, cap_lens: paddle.Tensor) -> paddle.Tensor:
        """int64 ``[batch, time]`` and ``[batch]`` → float32 ``[batch, embed_size]``, unchecked."""
        _, states = self.gru(self.embedding(captions), sequence_length=cap_lens.reshape([-1]))
        return self.code_of(states[-1])

    def code_of(self, state: paddle.Tensor) -> paddle.Tensor:
        """The code that a last state ``[batch, embed_size]`` stands for."""
        state = l2_normalize(state)
        return paddle.abs(state) if self.use_abs else state
