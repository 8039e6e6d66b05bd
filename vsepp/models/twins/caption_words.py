"""Words of captions on the CPU: packed for a GRU, and grouped by the image that they look at."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import paddle

from vsepp.models.caption_decoders.stepping import grouped
from vsepp.models.caption_decoders.word_decoder import WordDecoder
from vsepp.models.dropout import drop_numbers
from vsepp.models.twins.affine import affine
from vsepp.models.twins.step_packing import StepPacking


class CaptionWords:
    """Where the words of a batch stand that are predicted, caption after caption.

    Args:
        lengths: int64 ``[n]`` of the captions, ``<start>`` and ``<end>`` included.
        images: int64 ``[n]``, the image of each caption.

    Attributes:
        packing: :class:`StepPacking` of them.
        images: int64 ``[n]``, as given.
    """

    def __init__(self, lengths: np.ndarray, images: np.ndarray) -> None:
        self.packing = StepPacking(lengths - 1)
        self.images = images

    @cached_property
    def packed_images(self) -> np.ndarray:
        """int64 ``[words]``: the image of each packed row."""
        return self.images[self.packing.order][self.packing.captions]

    @cached_property
    def spans(self) -> list[tuple[int, slice | np.ndarray]]:
        """Each image that has words, and where they are, caption after caption."""
        counts = np.empty_like(self.packing.lengths)
        counts[self.packing.order] = self.packing.lengths
        images = np.repeat(self.images, counts)
        return grouped(images)

    @cached_property
    def packed_spans(self) -> list[tuple[int, slice | np.ndarray]]:
        """Each image that has words, and its packed rows."""
        return grouped(self.packed_images)

    def in_captions(self, rows: np.ndarray, out: np.ndarray) -> np.ndarray:
        """Packed rows, caption after caption."""
        return np.take(rows, self.packing.in_order, axis=0, out=out, mode="clip")

    def in_packing(self, rows: np.ndarray) -> np.ndarray:
        """Rows caption after caption, packed."""
        result = np.empty_like(rows)
        result[self.packing.in_order] = rows
        return result


def read(layer: WordDecoder, captions: paddle.Tensor, words: CaptionWords) -> paddle.Tensor:
    """What ``layer.read`` gives for the words alone, packed: float32 ``[words, word_dim]``."""
    dropout, packing = layer.dropout_now, words.packing
    indices = packing.packed(dropout.of_words(captions[:, :-1]).numpy())
    inputs = layer.embedding(paddle.to_tensor(indices))
    return drop_numbers(inputs, dropout.embeddings, packing)


def logits_of(layer: WordDecoder, outputs: paddle.Tensor) -> paddle.Tensor:
    """What the last layer gives, for what ``layer.outputs_of`` gave."""
    return affine(layer.vocabulary, drop_numbers(outputs, layer.dropout_now.outputs))
