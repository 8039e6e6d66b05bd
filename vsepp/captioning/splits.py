"""Sentences for the images of a split under a captioner."""

from __future__ import annotations

import numpy as np
import paddle

from vsepp.captioning.caption import Caption
from vsepp.captioning.decoding import decode
from vsepp.captioning.options import Decoding
from vsepp.data.batches import in_groups
from vsepp.data.dataset import CaptionDataset
from vsepp.data.images import map_images
from vsepp.data.stored.halves import stack_float32
from vsepp.models.captioner import Captioner
from vsepp.models.device import memory_errors_explained
from vsepp.models.twins import compute
from vsepp.retrieval.encoding import evaluation_mode
from vsepp.system.progress import progress
from vsepp.text.vocabulary import Vocabulary

_IMAGES = 64  # at a time


def caption_images(
    model: Captioner,
    dataset: CaptionDataset,
    vocabulary: Vocabulary,
    decoding: Decoding,
    quiet: bool = True,
) -> list[list[Caption]]:
    """Sentences for the images of a ``CaptionDataset``, as it gives them.

    Args:
        model: the captioner, which is left in the mode it was found in.
        vocabulary: its words.
        decoding: how sentences are chosen.
        quiet: show no progress bar.

    Returns:
        of each image its captions, best first
    """
    count = len(dataset.images)
    captions: list[list[Caption]] = []
    rows = map_images(dataset.image, range(count))
    with evaluation_mode(model):
        for batch in in_groups(
            progress(rows, "captioning", count, "image", disable=quiet or None), _IMAGES
        ):
            numbers = range(len(captions), len(captions) + len(batch))
            with memory_errors_explained():
                cells = cells_of(model, stack_float32(batch))
            step = model.decoder.stepper(cells)
            captions += decode(step, len(batch), vocabulary, decoding, numbers=numbers)
    return captions


def cells_of(model: Captioner, images: np.ndarray) -> np.ndarray:
    """What the decoder attends to: float32 ``[images, cells, cell_size]``."""
    return compute(model.image_extractor, paddle.to_tensor(images)).numpy()
