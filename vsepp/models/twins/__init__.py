"""Fast twins of layers on a CPU, and the one place where one is chosen.

A layer's ``forward`` computes with tensors alone, so that it can be exported, compiled and run
by several processes. Where a batch lies on a CPU, some layers have a twin: other code for the
same numbers, with the layer's own weights. Training, evaluation and use all come by here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from paddle import nn

from vsepp.system.lazy import at_place

#: a layer's class → its twin, called with the layer and the layer's inputs
TWINS = {
    "vsepp.models.text_encoders.gru:TextRepExtractor": "vsepp.models.twins.packed_gru:text_codes",
    "vsepp.models.text_encoders.bert:BertExtractor": "vsepp.models.twins.packed_bert:text_codes",
    "vsepp.models.text_encoders.clip:CLIPTextExtractor": (
        "vsepp.models.twins.packed_clip:text_codes"
    ),
    "vsepp.models.text_encoders.pooled_gru:PooledTextExtractor": (
        "vsepp.models.twins.packed_words:pooled_codes"
    ),
    "vsepp.models.image_encoders.features:FeatureRepExtractor": (
        "vsepp.models.twins.grid_head:feature_codes"
    ),
    "vsepp.models.image_encoders.cnn:ImageRepExtractor": "vsepp.models.twins.pixels:image_codes",
    "vsepp.models.image_encoders.grid_cells:ImageCells": "vsepp.models.twins.pixels:image_codes",
    "vsepp.models.caption_decoders.attention:AttentionDecoder": (
        "vsepp.models.twins.caption_attention:word_logits"
    ),
    "vsepp.models.caption_decoders.addnorm:AddNormDecoder": (
        "vsepp.models.twins.caption_addnorm:word_logits"
    ),
}


def find_twin(kind: type[nn.Layer]) -> Callable[..., Any] | None:
    """The twin of layers of exactly this class, or None."""
    place = TWINS.get(f"{kind.__module__}:{kind.__qualname__}")
    return at_place(place) if place else None


def compute(layer: nn.Layer, *inputs: Any) -> Any:
    """What ``layer`` gives for a batch: by its twin where there is one, else by ``forward``.

    Values are not checked: whoever hands a batch in has seen to it that lengths lie within the
    captions. The fixed classes, called by themselves, check them and come by here.

    Args:
        layer: an encoder.
        inputs: what its ``forward`` takes, the first a tensor.
    """
    twin = find_twin(type(layer))
    if twin is None or _is_changed(layer) or not inputs[0].place.is_cpu_place():
        return nn.Layer.__call__(layer, *inputs)
    return twin(layer, *inputs)


def _is_changed(layer: nn.Layer) -> bool:
    """Whether a user has hung something on a layer that its twin would pass by."""
    hooks = layer._forward_pre_hooks or layer._forward_post_hooks
    return "forward" in vars(layer) or bool(hooks)
