"""BERT over packed sentences for the CPU: no padding is computed before sentences are pooled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import paddle

from vsepp.models.twins.packed_transformer import packed_states

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
    there = np.arange(tokens.shape[1]) < lengths[:, None]
    positions = np.nonzero(there)[1]
    states = bert.embed(paddle.to_tensor(tokens[there]), paddle.to_tensor(positions))
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
    tokens = layer.words_left_out(captions).numpy()[:, : lengths.max()]
    with layer.gradients_of_bert():
        states = packed_bert(layer.bert, tokens, lengths)
    states = layer.outputs_left_out(states)
    if layer.pooling is None:
        return layer.code_of(states[paddle.to_tensor(np.cumsum(lengths) - lengths)])
    if layer.pools_states:
        sentences = paddle.to_tensor(np.repeat(np.arange(len(lengths)), lengths))
        return layer.code_of(paddle.geometric.segment_mean(states, sentences))
    values = layer.fc(states)
    places = np.zeros(tokens.shape, np.int64)
    there = np.arange(tokens.shape[1]) < lengths[:, None]
    places[there] = np.arange(len(values))
    grid = values[paddle.to_tensor(places.reshape(-1))].reshape([*places.shape, -1])
    return layer.normalized(layer.pooling(grid, cap_lens.reshape([-1])))
