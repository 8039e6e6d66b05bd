"""How the memory of training steps is handled, whatever the task."""

from __future__ import annotations

from paddle import nn

from vsepp.config import Config
from vsepp.models.encoders import ImageEncoder
from vsepp.models.recomputing import recompute_blocks
from vsepp.system.memory import keep_freed, return_large_blocks


def handle_memory(config: Config, image: ImageEncoder, model: nn.Layer) -> None:
    """Do what ``micro_batch_size`` and ``recompute`` ask of a model that is to be trained.

    Args:
        config: the run's.
        image: its image encoder; where that reads stored features, nothing is computed again.
        model: with the encoder's network as ``image_extractor``.
    """
    if config.micro_batch_size:
        return_large_blocks()
    elif image.feature_size:
        keep_freed()
    if config.recompute and not image.feature_size:
        recompute_blocks(model.image_extractor.backbone)
