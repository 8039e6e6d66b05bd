"""``caption_model: addnorm``: a GRU over all words, then attention, addition and normalisation.

What a word looked at does not come back to the GRU, so all words are computed at once::

    h = GRU(words)        looked = Σ softmax(h · cells) · cells
    logits = W_v LayerNorm(h + looked) + b_v

With several heads, queries, keys and values are linear layers of the states and the cells, as is
what they end in, and the products are divided by √(numbers of a head).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import paddle
from paddle import nn

from vsepp.models.caption_decoders.stepping import (
    GRUWeights,
    grouped,
    gru_step,
    initial_states,
    log_softmax,
    numbers,
    softmax,
)
from vsepp.models.caption_decoders.word_decoder import (
    WordDecoder,
    attention_over,
    in_words,
    linear,
    out_of_sight,
)
from vsepp.models.text_encoders.text_dropout import TextDropout
from vsepp.system.errors import InputError

EPSILON = 1e-3  # of Keras's layer normalisation


class AddNormDecoder(WordDecoder):
    """Cells of images and captions → logits of the captions' words.

    Args:
        vocab_size, word_dim, cell_size, decoder_size, initial_state, dropout: see
            :class:`WordDecoder`.
        heads: of the attention. With one there is no layer between a state and a cell, so that
            they must be of one size.

    Raises:
        InputError: when sizes do not fit the heads.
    """

    recurrent_weight = "gru.weight_hh_l0"

    def __init__(
        self,
        vocab_size: int,
        word_dim: int = 512,
        cell_size: int = 512,
        decoder_size: int = 512,
        heads: int = 1,
        initial_state: str = "zero",
        dropout: TextDropout = TextDropout(),
    ) -> None:
        super().__init__(vocab_size, word_dim, cell_size, decoder_size, initial_state, dropout)
        self.check_sizes(cell_size=cell_size, decoder_size=decoder_size, heads=heads)
        self.heads = heads
        self.gru = nn.GRU(word_dim, decoder_size)
        several = heads > 1
        self.query = linear(decoder_size, decoder_size) if several else None
        self.keys = linear(cell_size, decoder_size) if several else None
        self.values = linear(cell_size, decoder_size) if several else None
        self.joined = linear(decoder_size, decoder_size) if several else None
        self.norm = nn.LayerNorm(decoder_size, epsilon=EPSILON)

    @property
    def scale(self) -> float:
        """What a product of a query and a key is multiplied by."""
        return 1.0 if self.heads == 1 else 1 / math.sqrt(self.decoder_size // self.heads)

    @staticmethod
    def check_sizes(**sizes: Any) -> None:
        """See :meth:`WordDecoder.check_sizes`."""
        cell_size, decoder_size, heads = (
            sizes[name] for name in ("cell_size", "decoder_size", "heads")
        )
        if heads == 1 and cell_size != decoder_size:
            raise InputError(
                f"cell_size: {cell_size} is not decoder_size, {decoder_size}, and one head "
                f"compares cells and states as they are: set cell_size={decoder_size}, or heads "
                "to more than 1."
            )
        if decoder_size % heads:
            raise InputError(
                f"heads: {decoder_size} numbers, decoder_size, do not make {heads} heads of one "
                "size: set heads to a divisor of it."
            )

    def forward(
        self,
        cells: paddle.Tensor,
        captions: paddle.Tensor,
        lengths: paddle.Tensor,
        images: paddle.Tensor,
        kept: paddle.Tensor | None = None,
    ) -> tuple[paddle.Tensor, paddle.Tensor]:
        """See :meth:`WordDecoder.forward`."""
        first = self.first_states(cells, images, kept).unsqueeze(0)
        states, _ = self.gru(self.read(captions), first, sequence_length=lengths - 1)
        query, keys, values = self.compared(states, cells)
        keys, values = paddle.gather(keys, images), paddle.gather(values, images)
        lowered = out_of_sight(kept, images)
        summed, weights = self._looked(states, query, keys, values, lowered)
        return self.logits_of(in_words(summed, lengths)), in_words(weights, lengths)

    def next_states(
        self, words: paddle.Tensor, states: paddle.Tensor, cells: paddle.Tensor
    ) -> tuple[paddle.Tensor, paddle.Tensor, paddle.Tensor]:
        states, _ = self.gru(words.unsqueeze(1), states.unsqueeze(0))
        summed, weights = self._looked(states, *self.compared(states, cells), None)
        return states.squeeze(1), summed.squeeze(1), weights.squeeze(1)

    def _looked(
        self,
        states: paddle.Tensor,
        query: paddle.Tensor,
        keys: paddle.Tensor,
        values: paddle.Tensor,
        lowered: paddle.Tensor | None,
    ) -> tuple[paddle.Tensor, paddle.Tensor]:
        """States ``[n, time, decoder_size]`` with what they looked at, and where that was."""
        query, keys, values = map(self._in_heads, (query, keys, values))  # [n, heads, …, size]
        scores = paddle.matmul(query * self.scale, keys, transpose_y=True)
        weights = attention_over(scores, lowered)
        looked = paddle.matmul(weights, values).transpose([0, 2, 1, 3]).flatten(2)
        summed = states + (looked if self.joined is None else self.joined(looked))
        return summed, weights.mean(axis=1)

    def compared(
        self, states: paddle.Tensor, cells: paddle.Tensor
    ) -> tuple[paddle.Tensor, paddle.Tensor, paddle.Tensor]:
        """Queries, keys and values."""
        if self.query is None or self.keys is None or self.values is None:
            return states, cells, cells
        return self.query(states), self.keys(cells), self.values(cells)

    def _in_heads(self, rows: paddle.Tensor) -> paddle.Tensor:
        """``[n, rows, decoder_size]`` → ``[n, heads, rows, size of a head]``."""
        shape = [0, 0, self.heads, self.decoder_size // self.heads]
        return rows.reshape(shape).transpose([0, 2, 1, 3])

    def outputs_of(self, states: paddle.Tensor) -> paddle.Tensor:
        return self.norm(states)

    def stepper(self, cells: np.ndarray) -> AddNormStep:
        """See :meth:`WordDecoder.stepper`."""
        return AddNormStep(self, cells)


class AddNormStep:
    """:class:`vsepp.models.decoders.DecoderStep` of an :class:`AddNormDecoder`."""

    def __init__(self, layer: AddNormDecoder, cells: np.ndarray) -> None:
        self.first = initial_states(layer, cells)
        self.embedding = numbers(layer.embedding.weight)
        self.gru = GRUWeights.of(layer.gru)
        self.heads, self.scale = layer.heads, np.float32(layer.scale)
        projections = (layer.query, layer.keys, layer.values, layer.joined)
        self.query, keys, values, self.joined = (
            None if one is None else (numbers(one.weight), numbers(one.bias)) for one in projections
        )
        shape = (*cells.shape[:2], self.heads, -1)
        # [images, heads, cells, size of a head]
        self.keys = _through(cells, keys).reshape(shape).transpose(0, 2, 1, 3)
        self.values = _through(cells, values).reshape(shape).transpose(0, 2, 1, 3)
        self.norm = numbers(layer.norm.weight), numbers(layer.norm.bias)
        self.output = numbers(layer.vocabulary.weight), numbers(layer.vocabulary.bias)

    def start(self) -> np.ndarray:
        return self.first

    def __call__(
        self, words: np.ndarray, states: np.ndarray, images: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        states = gru_step(self.embedding[words], states, self.gru)
        query = _through(states, self.query) * self.scale
        query = query.reshape(len(states), self.heads, -1).transpose(1, 0, 2)
        weights = np.empty((self.heads, len(states), self.keys.shape[2]), np.float32)
        looked = np.empty(query.shape, np.float32)
        for image, rows in grouped(images):
            part = np.matmul(query[:, rows], self.keys[image].transpose(0, 2, 1))
            weights[:, rows] = softmax(part)
            looked[:, rows] = np.matmul(part, self.values[image])
        joined = looked.transpose(1, 0, 2).reshape(states.shape)
        summed = states + _through(joined, self.joined)
        summed -= summed.mean(axis=1, keepdims=True)
        summed /= np.sqrt((summed * summed).mean(axis=1, keepdims=True) + np.float32(EPSILON))
        normal = summed * self.norm[0] + self.norm[1]
        return log_softmax(_through(normal, self.output)), states, weights.mean(axis=0)


def _through(rows: np.ndarray, linear: tuple[np.ndarray, np.ndarray] | None) -> np.ndarray:
    return rows if linear is None else rows @ linear[0] + linear[1]
