"""The GRU over words: the network that VSE++ reads captions with (section 3.2)."""

from __future__ import annotations

import numpy as np
import paddle
from paddle import nn

from vsepp.models.embedding import l2_normalize
from vsepp.models.twins import compute
from vsepp.system.errors import InputError


def check_lengths(lengths: np.ndarray, longest: int) -> None:
    """InputError unless every one of ``lengths [batch]`` is in ``1 … longest``.

    ``nn.GRU`` given a length beyond the padding corrupts memory, so this stands before it.
    """
    if len(lengths) and not 1 <= lengths.min() <= lengths.max() <= longest:
        wrong = lengths.min() if lengths.min() < 1 else lengths.max()
        raise InputError(
            f"cap_lens: a caption's length is {wrong}, outside 1 to the {longest} "
            "columns of captions: give the true lengths."
        )


def check_batch(captions: np.ndarray, lengths: np.ndarray, words: int) -> None:
    """InputError unless a batch of captions can be read by an embedding and a GRU.

    Paddle's embedding reads outside its memory at −1, and on a GPU beyond its end.

    Args:
        captions: array ``[batch, time]``.
        lengths: array ``[batch]`` or ``[batch, 1]``.
        words: rows of the embedding.
    """
    if captions.ndim != 2 or not len(captions) or captions.dtype.kind != "i":
        raise InputError(
            f"captions must be int64 [batch, time] with at least one row, not {captions.dtype} "
            f"{list(captions.shape)}."
        )
    if lengths.dtype.kind != "i" or lengths.size != len(captions):
        raise InputError(
            f"cap_lens must be int64 [{len(captions)}], a length for each of captions, not "
            f"{lengths.dtype} {list(lengths.shape)}."
        )
    check_lengths(lengths, captions.shape[1])
    read = captions[:, : lengths.max()]
    if read.min() < 0 or read.max() >= words:
        wrong = read.min() if read.min() < 0 else read.max()
        raise InputError(
            f"captions: the index {wrong} is outside the vocabulary's 0 to {words - 1}: make "
            "captions with the vocabulary of the model, and pad them with 0."
        )


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
        lengths = cap_lens.numpy().reshape(-1)
        check_batch(captions.numpy(), lengths, self.embedding.weight.shape[0])
        return compute(self, captions[:, : int(lengths.max())], cap_lens)

    def forward(self, captions: paddle.Tensor, cap_lens: paddle.Tensor) -> paddle.Tensor:
        """int64 ``[batch, time]`` and ``[batch]`` → float32 ``[batch, embed_size]``, unchecked."""
        _, states = self.gru(self.embedding(captions), sequence_length=cap_lens.reshape([-1]))
        return self.code_of(states[-1])

    def code_of(self, state: paddle.Tensor) -> paddle.Tensor:
        """The code that a last state ``[batch, embed_size]`` stands for."""
        state = l2_normalize(state)
        return paddle.abs(state) if self.use_abs else state
