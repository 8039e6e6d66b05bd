"""Fast twins of layers on a CPU, and the one place where one is chosen.

A layer's ``forward`` computes with tensors alone, so that it can be exported, compiled and run
by several processes. Where a batch lies on a CPU, some layers have a twin: other code for the
same numbers, with the layer's own weights. Training, evaluation and use all come by here.
"""

from __future__ import annotations

from collections.abc import Callable

import paddle
from paddle import nn

from vsepp.models.image_encoders.cnn import ImageRepExtractor
from vsepp.models.text_encoders.gru import TextRepExtractor
from vsepp.models.twins.packed_gru import text_codes
from vsepp.models.twins.pixels import image_codes

#: a layer's class → its twin, called with the layer and the layer's inputs
TWINS: dict[type, Callable[..., paddle.Tensor]] = {
    TextRepExtractor: text_codes,
    ImageRepExtractor: image_codes,
}


def compute(layer: nn.Layer, *inputs: paddle.Tensor) -> paddle.Tensor:
    """What ``layer`` gives for a batch: by its twin where there is one, else by ``forward``.

    Values are not checked: whoever hands a batch in has seen to it that lengths lie within the
    captions. The fixed classes, called by themselves, check them and come by here.

    Args:
        layer: an encoder.
        inputs: what its ``forward`` takes.
    """
    twin = TWINS.get(type(layer))
    if twin is None or "forward" in vars(layer) or not inputs[0].place.is_cpu_place():
        return nn.Layer.__call__(layer, *inputs)
    return twin(layer, *inputs)
