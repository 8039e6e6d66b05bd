"""The text side of CLIP over packed sentences for the CPU: no padding is computed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import paddle

from vsepp.models.twins.packed_transformer import packed_states, packed_tokens

if TYPE_CHECKING:
    from vsepp.models.text_encoders.clip import CLIPTextExtractor


def text_codes(
    layer: CLIPTextExtractor, captions: paddle.Tensor, cap_lens: paddle.Tensor
) -> paddle.Tensor:
    """What a ``CLIPTextExtractor`` gives for captions, without computing any padding.

    Args:
        captions: int64 tensor ``[batch, time]``.
        cap_lens: int64 tensor ``[batch]``, each in ``1 … time``.
    """
    lengths = cap_lens.numpy().reshape(-1)
    with layer.gradients():
        states = layer.embed(*packed_tokens(captions.numpy(), lengths))
        states = packed_states(layer.transformer, states, lengths, causal=True)
        place = layer.places(captions, cap_lens).numpy()
        ends = states[paddle.to_tensor(np.cumsum(lengths) - lengths + place)]
        ends = layer.norm(ends)
    return layer.code_of(ends)
