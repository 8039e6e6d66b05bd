"""What is exported: layers of tensors alone, whose inputs and outputs have names.

Each is a file of its own: of a retrieval model ``image`` and ``text``, of a captioner ``image``
and ``step``.
"""

from __future__ import annotations

from typing import ClassVar, Optional, Tuple

import paddle
from paddle import nn

from vsepp.models.caption_decoders.word_decoder import WordDecoder
from vsepp.models.embedding import l2_normalize


class Graph(nn.Layer):
    """A layer that is exported.

    Attributes:
        name: of its file.
        takes: its inputs: name → (shape, None where it is free; type).
        gives: names of its outputs.
    """

    name: ClassVar[str]
    takes: dict[str, Tuple[Tuple[Optional[int], ...], str]]
    gives: Tuple[str, ...]

    def widen(self) -> None:
        """Called as ``forward`` begins: makes weights that are kept in fewer bytes float32; see
        ``vsepp.export.narrow_weights``."""


class ImageGraph(Graph):
    """float32 ``images [n, 3, size, size]``, normalised → float32 ``codes [n, embed_size]``.

    Args:
        network: an image encoder.
        image_size: side of the images, in pixels.
        mirrored: average over an image and its mirror image, as ``test_flip`` does.
    """

    name = "image"
    gives = ("codes",)

    def __init__(self, network: nn.Layer, image_size: int, mirrored: bool = False) -> None:
        super().__init__()
        self.network, self.mirrored = network, mirrored
        self.takes = {"images": ((None, 3, image_size, image_size), "float32")}

    def forward(self, images: paddle.Tensor) -> paddle.Tensor:
        self.widen()
        if not self.mirrored:
            return self.network(images)
        both = self.network(paddle.concat([images, paddle.flip(images, [3])]))
        average = both.reshape([2, -1, both.shape[-1]]).mean(axis=0)
        return l2_normalize(average) if self.network.normalize else average


class CellGraph(Graph):
    """float32 ``images [n, 3, size, size]``, normalised → float32 ``cells [n, cells, cell_size]``,
    and ``states [n, state_size]``, in which a sentence begins.

    Args:
        network: the image encoder of a captioner.
        decoder: what reads its cells.
        image_size: side of the images, in pixels.
    """

    name = "image"
    gives = ("cells", "states")

    def __init__(self, network: nn.Layer, decoder: WordDecoder, image_size: int) -> None:
        super().__init__()
        self.network, self.decoder = network, decoder
        self.takes = {"images": ((None, 3, image_size, image_size), "float32")}

    def forward(self, images: paddle.Tensor) -> tuple[paddle.Tensor, paddle.Tensor]:
        self.widen()
        cells = self.network(images)
        states = self.decoder.initial_states(cells, None)
        if states is None:
            nothing = paddle.zeros_like(cells[:, 0, :1])
            states = nothing + paddle.zeros([1, self.decoder.decoder_size])
        return cells, states


class TextGraph(Graph):
    """int64 ``captions [n, time]`` and ``lengths [n]`` → float32 ``codes [n, embed_size]``.

    A row with a length outside ``1 … time``, or an index that is no word's, has NaN for a code:
    it is not to be taken for one, and a GRU given such a length would leave its memory.

    Args:
        network: a text encoder.
        words: rows of its table.
        longest: columns that it can take; None: any number.
    """

    name = "text"
    gives = ("codes",)

    def __init__(self, network: nn.Layer, words: int, longest: Optional[int] = None) -> None:
        super().__init__()
        self.network, self.words, self.longest = network, words, longest
        self.takes = {"captions": ((None, None), "int64"), "lengths": ((None,), "int64")}

    def forward(self, captions: paddle.Tensor, lengths: paddle.Tensor) -> paddle.Tensor:
        self.widen()
        if self.longest is not None:
            captions = captions[:, : self.longest]
        ones = paddle.ones_like(captions)
        words = paddle.maximum(captions, paddle.zeros_like(captions))
        words = paddle.minimum(words, ones * (self.words - 1))
        within = paddle.maximum(lengths, paddle.ones_like(lengths))
        within = paddle.minimum(within, ones.sum(axis=1))
        codes = self.network(words, within)
        wrong = paddle.abs(words - captions).sum(axis=1) + paddle.abs(within - lengths)
        right = (wrong == 0).astype("float32").unsqueeze(1)
        return codes * (right / right)


class StepGraph(Graph):
    """int64 ``words [rows]``, float32 ``states [rows, state_size]`` and ``cells [rows, cells,
    cell_size]`` → float32 ``log_probabilities [rows, words]``, ``next_states`` and ``attention
    [rows, cells]``: see ``WordDecoder.step``.

    Args:
        decoder: of a captioner.
    """

    name = "step"
    gives = ("log_probabilities", "next_states", "attention")

    def __init__(self, decoder: WordDecoder) -> None:
        super().__init__()
        self.decoder = decoder
        self.takes = {
            "words": ((None,), "int64"),
            "states": ((None, decoder.decoder_size), "float32"),
            "cells": ((None, None, decoder.cell_size), "float32"),
        }

    def forward(
        self, words: paddle.Tensor, states: paddle.Tensor, cells: paddle.Tensor
    ) -> tuple[paddle.Tensor, ...]:
        self.widen()
        return self.decoder.step(words, states, cells)
