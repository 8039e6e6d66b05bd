"""The twin of a GRU with pooling: no padding is computed from the words to the code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import paddle

from vsepp.models.dropout import drop_numbers
from vsepp.models.twins.packed_gru import WORDS, packed_gru
from vsepp.models.twins.packed_pooling import packed_pooling
from vsepp.models.twins.step_packing import StepPacking

if TYPE_CHECKING:
    from vsepp.models.text_encoders.pooled_gru import PooledTextExtractor


def pooled_codes(
    layer: PooledTextExtractor, captions: paddle.Tensor, cap_lens: paddle.Tensor
) -> paddle.Tensor:
    """What a ``PooledTextExtractor`` gives for captions.

    In training mode it leaves out what ``forward`` would of the same columns under the same seed.

    Args:
        layer: ``PooledTextExtractor``.
        captions: int64 tensor ``[batch, time]``.
        cap_lens: int64 tensor ``[batch]``, each in ``1 … time``.
    """
    dropout = layer.dropout_now
    packing = StepPacking(cap_lens.numpy().reshape(-1))
    captions = dropout.of_words(captions[:, : len(packing.steps)])
    words = paddle.to_tensor(packing.packed(captions.numpy()))
    inputs = drop_numbers(layer.embedding(words), dropout.embeddings, packing)
    if layer.pooling is None:
        return layer.code_of(drop_numbers(packed_gru(layer.gru, inputs, packing), dropout.outputs))
    states = drop_numbers(packed_gru(layer.gru, inputs, packing, WORDS), dropout.outputs, packing)
    return layer.code_of(packed_pooling(layer.pooling, states, packing))
