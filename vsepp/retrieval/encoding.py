"""Encoding a split and scoring it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Protocol

import numpy as np
import paddle

from vsepp.data.batches import in_batches
from vsepp.data.dataset import CaptionDataset
from vsepp.data.images import map_images
from vsepp.metrics.scores import RECALL_NAMES, all_metrics, calc_recall, recalls  # noqa: F401
from vsepp.models.device import memory_errors_explained
from vsepp.models.twins import compute
from vsepp.models.vsepp import JointEmbedding
from vsepp.system.errors import InputError
from vsepp.system.progress import progress


class HasExtractors(Protocol):
    """A ``JointEmbedding``, or a ``RetrievalModel``."""

    @property
    def image_extractor(self) -> paddle.nn.Layer: ...

    @property
    def text_extractor(self) -> paddle.nn.Layer: ...


@contextmanager
def evaluation_mode(model: paddle.nn.Layer) -> Iterator[None]:
    """No gradients and evaluation mode inside; every layer's own mode again afterwards."""
    modes = [(layer, layer.training) for layer in model.sublayers(include_self=True)]
    model.eval()
    try:
        with paddle.no_grad():
            yield
    finally:
        for layer, training in modes:
            layer.training = training


def encode_rows(
    encoder: Callable[[paddle.Tensor], paddle.Tensor],
    inputs: Iterable[np.ndarray],
    count: int,
    batch_size: int,
    quiet: bool = True,
) -> np.ndarray:
    """Codes of inputs that come one by one.

    Args:
        encoder: from a batch, as a tensor, to its codes.
        inputs: iterable over arrays of one shape and type.
        count: how many there are.
        batch_size: inputs at a time.
        quiet: show no progress bar.

    Returns:
        float32 ``[count, embed_size]``
    """
    parts = []
    rows = progress(inputs, "encoding images", count, "image", disable=quiet or None)
    for batch in in_batches(rows, batch_size):
        with memory_errors_explained():
            parts.append(encoder(paddle.to_tensor(batch)).numpy())
    return np.concatenate(parts)


def encode_images(
    model: HasExtractors,
    inputs: Iterable[np.ndarray],
    count: int,
    batch_size: int,
    quiet: bool = True,
) -> np.ndarray:
    """Codes of images under the image extractor of ``model``, see :func:`encode_rows`."""
    encoder = partial(compute, model.image_extractor)
    return encode_rows(encoder, inputs, count, batch_size, quiet)


def padded(captions: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Captions as one grid.

    Args:
        captions: lists of indices.

    Returns:
        (int64 ``[n, longest]``, zero after a caption's end; int64 ``[n]``, lengths)

    Raises:
        InputError: for an empty caption.
    """
    lengths = np.array([len(caption) for caption in captions], dtype=np.int64)
    if not lengths.all():
        raise InputError(f"caption {lengths.argmin()} is empty: give at least one word of each.")
    grid = np.zeros((len(captions), lengths.max(initial=0)), dtype=np.int64)
    for row, caption in zip(grid, captions):
        row[: len(caption)] = caption
    return grid, lengths


def encode_captions(
    model: HasExtractors, captions: Sequence[Sequence[int]], batch_size: int, quiet: bool = True
) -> np.ndarray:
    """Codes of captions, encoded in order of length so that no batch is mostly padding.

    Args:
        model: a ``VSEPP`` in evaluation mode.
        captions: lists of indices, without padding.

    Returns:
        float32 ``[len(captions), embed_size]``, in the captions' own order.
    """
    order = np.argsort([len(caption) for caption in captions], kind="stable")
    codes = np.empty((0, 0), np.float32)
    starts = range(0, len(captions), batch_size)
    for start in progress(starts, "encoding captions", len(starts), "batch", disable=quiet or None):
        chosen = order[start : start + batch_size]
        batch = map(paddle.to_tensor, padded([captions[index] for index in chosen]))
        with memory_errors_explained():
            rows = compute(model.text_extractor, *batch).numpy()
        if not len(codes):
            codes = np.empty((len(captions), rows.shape[1]), np.float32)
        codes[chosen] = rows
    return codes


def encode_dataset(
    model: JointEmbedding, dataset: CaptionDataset, batch_size: int, quiet: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Codes of a ``CaptionDataset``: each image once, each caption once.

    Returns:
        (float32 ``[n_images, embed_size]``, float32 ``[n_captions, embed_size]``)
    """
    with evaluation_mode(model):
        inputs = map_images(dataset.image, range(len(dataset.images)))
        images = encode_images(model, inputs, len(dataset.images), batch_size, quiet)
        return images, encode_captions(model, dataset.captions, batch_size, quiet)


def evaluate_dataset(
    model: JointEmbedding, dataset: CaptionDataset, batch_size: int = 128, quiet: bool = True
) -> dict[str, float]:
    """All metrics of a ``CaptionDataset``, see ``vsepp.metrics.scores.all_metrics``."""
    images, texts = encode_dataset(model, dataset, batch_size, quiet)
    return all_metrics(images, texts, dataset.captions_per_image, model.measure)


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
        images, texts = (np.concatenate([codes.numpy() for codes in side]) for side in zip(*pairs))
    return calc_recall(images, texts, captions_per_image, getattr(model, "measure", "cosine"))
