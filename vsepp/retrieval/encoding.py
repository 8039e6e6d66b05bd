"""Codes of the images and captions of a split under a model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import paddle

from vsepp.data.batches import in_groups
from vsepp.data.images import map_images
from vsepp.data.padding import padded
from vsepp.data.stored.halves import stack_float32
from vsepp.data.stored.views import mirrored
from vsepp.models.device import memory_errors_explained
from vsepp.models.ranks import ALONE, Alone
from vsepp.models.twins import compute
from vsepp.retrieval.mirroring import averaged
from vsepp.system.errors import InputError
from vsepp.system.progress import progress
from vsepp.text.equal import first_of_equal_captions

if TYPE_CHECKING:  # a single sentence waits for neither
    from vsepp.data.dataset import CaptionDataset
    from vsepp.models.vsepp import JointEmbedding


BATCH = 64  # captions, or features of images, at a time


class HasImageExtractor(Protocol):
    """A network, or a model over a checkpoint, with the half that looks at images."""

    @property
    def image_extractor(self) -> paddle.nn.Layer: ...


class HasExtractors(HasImageExtractor, Protocol):
    """A ``JointEmbedding``, or a ``RetrievalModel``."""

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
        inputs: iterable over arrays of one shape and type; float16 is encoded as float32.
        count: how many there are.
        batch_size: inputs at a time.
        quiet: show no progress bar.

    Returns:
        float32 ``[count, embed_size]``
    """
    parts = []
    rows = progress(inputs, "encoding images", count, "image", disable=quiet or None)
    for batch in map(stack_float32, in_groups(rows, batch_size)):
        with memory_errors_explained():
            parts.append(encoder(paddle.to_tensor(batch)).numpy())
    return np.concatenate(parts)


def encode_images(
    model: HasImageExtractor,
    inputs: Iterable[np.ndarray],
    count: int,
    batch_size: int,
    quiet: bool = True,
) -> np.ndarray:
    """Codes of images under the image extractor of ``model``, see :func:`encode_rows`."""
    encoder = partial(compute, model.image_extractor)
    return encode_rows(encoder, inputs, count, batch_size, quiet)


def share_codes(codes: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Let captions that are equal have the code of the first of them, in place.

    Args:
        codes: ``[n, embed_size]``.
        first: see ``vsepp.text.equal``.
    """
    again = np.flatnonzero(first != np.arange(len(first)))
    if len(again):
        codes[again] = codes[first[again]]
    return codes


def encode_captions(
    model: HasExtractors,
    captions: Sequence[Sequence[int]],
    batch_size: int,
    quiet: bool = True,
    ranks: Alone = ALONE,
) -> np.ndarray:
    """Codes of captions, encoded in order of length so that no batch is mostly padding.

    Captions that are equal are encoded once, so that their codes are equal to the bit: a code
    depends, by rounding, on the batch that it was computed in.

    Args:
        model: a ``VSEPP`` in evaluation mode.
        captions: lists of indices, without padding.
        ranks: that share the batches.

    Returns:
        float32 ``[len(captions), embed_size]``, in the captions' own order.
    """

    def encode(grid: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        batch = paddle.to_tensor(grid), paddle.to_tensor(lengths)
        with memory_errors_explained():
            return compute(model.text_extractor, *batch).numpy()

    return encode_in_order(encode, captions, batch_size, quiet, ranks)


def encode_in_order(
    encode: Callable[[np.ndarray, np.ndarray], np.ndarray],
    captions: Sequence[Sequence[int]],
    batch_size: int,
    quiet: bool = True,
    ranks: Alone = ALONE,
) -> np.ndarray:
    """As :func:`encode_captions`, by a function from a grid, see :func:`padded`, to its codes."""
    first = first_of_equal_captions(captions)
    distinct = np.flatnonzero(first == np.arange(len(first)))
    lengths = [len(captions[index]) for index in distinct.tolist()]
    order = distinct[np.argsort(lengths, kind="stable")]
    codes: np.ndarray | None = None if len(captions) else np.empty((0, 0), np.float32)
    groups = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    own = ranks.own(groups)
    for chosen in progress(own, "encoding captions", len(own), "batch", disable=quiet or None):
        rows = encode(*padded([captions[index] for index in chosen]))
        if codes is None:
            codes = np.empty((len(captions), rows.shape[1]), np.float32)
        codes[chosen] = rows
    if ranks.count > 1:
        encoded = None if codes is None else codes[np.concatenate(own)]
        codes = ranks.completed(encoded, groups, len(captions))
    assert codes is not None  # nosec B101 - one process, or the leader, has the first group
    return share_codes(codes, first)


def encode_dataset(
    model: JointEmbedding,
    dataset: CaptionDataset,
    batch_size: int,
    quiet: bool = True,
    test_flip: bool = False,
    ranks: Alone = ALONE,
) -> tuple[np.ndarray, np.ndarray]:
    """Codes of a ``CaptionDataset``: each image once, each caption once.

    Args:
        ranks: that share the batches; all of them have all codes in the end.
        test_flip: an image's code is the average over it and its mirror image.

    Returns:
        (float32 ``[n_images, embed_size]``, float32 ``[n_captions, embed_size]``)

    Raises:
        InputError: with ``test_flip``, for features without those of the mirror images.
    """

    count = len(dataset.images)
    groups = [range(first, min(first + batch_size, count)) for first in range(0, count, batch_size)]
    own = list(chain.from_iterable(ranks.own(groups)))

    def encode(image: Callable[[int], np.ndarray]) -> np.ndarray:
        codes = None
        if own or not groups:
            codes = encode_images(model, map_images(image, own), len(own), batch_size, quiet)
        return ranks.completed(codes, groups)

    with evaluation_mode(model):
        images = encode(dataset.image)
        if test_flip:
            mirror_codes = encode(partial(_mirrored_image, dataset))
            images = averaged(model.image_extractor, images, mirror_codes)
        return images, encode_captions(model, dataset.captions, batch_size, quiet, ranks)


def _mirrored_image(dataset: Any, image_id: int) -> np.ndarray:
    """What a model sees of the mirrored photograph."""
    if not hasattr(dataset, "mirrored_image"):  # whose images are pixels
        return mirrored(dataset.image(image_id))
    image = dataset.mirrored_image(image_id)
    if image is None:
        raise InputError(
            f"test_flip: the {dataset.split} features of {dataset.folder.name} came without those "
            "of the mirror images: set test_flip=false."
        )
    return image
