"""BERT over packed sentences for the CPU: no padding is computed before sentences are pooled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import paddle

from vsepp.models.dropout import drop_numbers
from vsepp.models.twins.packed_pooling import packed_pooling
from vsepp.models.twins.packed_transformer import packed_states, packed_tokens
from vsepp.models.twins.step_packing import StepPacking

if TYPE_CHECKING:
    from vsepp.models.bert import Bert
    from vsepp.models.text_encoders.bert import BertExtractor


def packed_bert(bert: Bert, tokens: np.ndarray, lengths: np.ndarray) -> paddle.Tensor:
    """What ``bert`` makes of sentences, without padding.

    Args:
        tokens: int64 ``[batch, time]``.
        lengths: int64 ``[batch]``, each in ``1 … time``.

    Returns:
        float32 ``[sum(lengths), hidden_size]``: the states of the first sentence, then those of
        the second, and so on.
    """
    states = bert.embed(*packed_tokens(tokens, lengths))
    return packed_states(bert.transformer, states, lengths)


def text_codes(
    layer: BertExtractor, captions: paddle.Tensor, cap_lens: paddle.Tensor
) -> paddle.Tensor:
    """What a ``BertExtractor`` gives for captions, without computing any padding.

    Args:
        captions: int64 tensor ``[batch, time]``.
        cap_lens: int64 tensor ``[batch]``, each in ``1 … time``.
    """
    lengths = cap_lens.numpy().reshape(-1)
    tokens = layer.words_left_out(captions[:, : int(lengths.max())]).numpy()
    with layer.gradients_of_bert():
        states = packed_bert(layer.bert, tokens, lengths)
    starts = np.cumsum(lengths) - lengths
    share = layer.outputs_left_out
    if layer.pooling is None:
        return layer.code_of(drop_numbers(_rows(states, starts), share))
    packing = StepPacking(lengths)  # whose order is another
    sentences, words = np.divmod(packing.words, len(packing.steps))
    states = drop_numbers(_rows(states, starts[sentences] + words), share, packing)
    if layer.pools_states:
        return layer.code_of(packed_pooling(layer.pooling, states, packing))
    return layer.normalized(packed_pooling(layer.pooling, layer.fc(states), packing))


def _rows(states: paddle.Tensor, places: np.ndarray) -> paddle.Tensor:
    return paddle.gather(states, paddle.to_tensor(places))
