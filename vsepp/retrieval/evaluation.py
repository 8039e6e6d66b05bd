"""Scoring a model over a loader."""

from __future__ import annotations

import numpy as np
import paddle

from vsepp.data.dataset import CaptionDataset
from vsepp.metrics.scores import calc_recall
from vsepp.models.vsepp import JointEmbedding
from vsepp.retrieval.encoding import encode_dataset, evaluation_mode
from vsepp.system.errors import InputError


def _is_shuffled(data_loader: paddle.io.DataLoader) -> bool:
    sampler = getattr(data_loader, "batch_sampler", None)
    if getattr(sampler, "shuffle", False):
        return True
    inner = getattr(sampler, "sampler", None)
    return isinstance(inner, (paddle.io.RandomSampler, paddle.io.WeightedRandomSampler))


def evaluate(
    data_loader: paddle.io.DataLoader,
    model: JointEmbedding,
    batch_size: int,
    captions_per_image: int,
) -> tuple[float, ...]:
    """Recall@1, 5 and 10 of a model over a loader.

    When the loader reads an :class:`ImageTextDataset`, each image is encoded once. The model
    is left in the mode it was found in.

    Args:
        data_loader: a ``paddle.io.DataLoader`` in order, nothing dropped.
        model: a :class:`VSEPP`; its measure is used.
        batch_size: images or captions encoded at a time.
        captions_per_image: the stride.

    Returns:
        ``(r1_i2t, r1_t2i, r5_i2t, r5_t2i, r10_i2t, r10_t2i)`` in percent.

    Raises:
        InputError: when the loader is shuffled; (a ValueError) on NaN in the codes.
    """
    if _is_shuffled(data_loader):
        raise InputError(
            "data_loader is shuffled, so captions cannot be told by their place: "
            "give a loader that reads in order."
        )
    dataset = getattr(data_loader, "dataset", None)
    if isinstance(dataset, CaptionDataset):
        images, texts = encode_dataset(model, dataset, batch_size)
        images = np.repeat(images, captions_per_image, axis=0)
    else:
        with evaluation_mode(model):
            pairs = [model(*batch[:3]) for batch in data_loader]
        if not pairs:
            raise InputError("data_loader gives no batch: there is nothing to evaluate.")
        images, texts = (np.concatenate([codes.numpy() for codes in side]) for side in zip(*pairs))
    return calc_recall(images, texts, captions_per_image, getattr(model, "measure", "cosine"))
