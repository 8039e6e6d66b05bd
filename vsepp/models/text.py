"""The text encoder: word embedding and GRU (VSE++, section 3.2)."""

import numpy as np
import paddle
from paddle import nn

from vsepp.models.embedding import l2_normalize
from vsepp.models.packed_gru import Packing, packed_gru
from vsepp.system.errors import InputError


def check_lengths(lengths, longest):
    """InputError unless every length is in ``1 … longest``.

    ``nn.GRU`` given a length beyond the padding corrupts memory, so this stands before it.
    """
    if len(lengths) and not 1 <= lengths.min() <= lengths.max() <= longest:
        wrong = lengths.min() if lengths.min() < 1 else lengths.max()
        raise InputError(
            f"cap_lens: a caption's length is {wrong}, outside 1 to the {longest} "
            "columns of captions: give the true lengths."
        )


class TextRepExtractor(nn.Layer):
    """Captions → unit vectors.

    Args:
        vocab_size: words in the vocabulary.
        word_dim: size of a word's embedding, initialised U(−0.1, 0.1).
        embed_size: size of the GRU's state and of the result.
        num_layers: layers of the GRU.
        use_abs: take absolute values at the end, as Order0 of the authors does.
    """

    def __init__(self, vocab_size, word_dim, embed_size, num_layers, use_abs=False):
        super().__init__()
        self.embedding = nn.Embedding(
            vocab_size, word_dim, weight_attr=nn.initializer.Uniform(-0.1, 0.1)
        )
        self.gru = nn.GRU(word_dim, embed_size, num_layers)
        self.use_abs = use_abs

    def forward(self, captions, cap_lens):
        """Encode captions in any order of lengths.

        Args:
            captions: int64 ``[batch, time]``, padded after each caption's end.
            cap_lens: int64 ``[batch]``, true lengths, ``1 … time``.

        Returns:
            float32 ``[batch, embed_size]``.

        Raises:
            InputError: for a length outside ``1 … time``.
        """
        lengths = np.asarray(cap_lens.numpy()).reshape(-1)
        check_lengths(lengths, captions.shape[1])
        longest = int(lengths.max())
        captions = captions[:, :longest]
        if captions.place.is_cpu_place():
            packing = Packing(lengths)
            words = paddle.to_tensor(captions.numpy().reshape(-1)[packing.words])
            state = packed_gru(self.gru, self.embedding(words), packing)
        else:
            _, states = self.gru(self.embedding(captions), sequence_length=cap_lens.reshape([-1]))
            state = states[-1]
        state = l2_normalize(state)
        return paddle.abs(state) if self.use_abs else state
