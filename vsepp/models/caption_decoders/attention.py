"""``caption_model: attention``: a GRU that looks at the cells before each word.

Bahdanau's attention, after Xu et al., *Show, Attend and Tell* (2015)::

    scores = v · tanh(W_k cells + b + W_q h)        weights = softmax(scores)
    h' = GRU([Σ weights · cells; word], h)          logits = W_v (W_o h' + b_o) + b_v
"""

from __future__ import annotations

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
from vsepp.models.twins.attention_step import Comparison


class AttentionDecoder(WordDecoder):
    """Cells of images and captions → logits of the captions' words.

    Args:
        vocab_size, word_dim, cell_size, decoder_size, initial_state, dropout: see
            :class:`WordDecoder`.
        attention_size: numbers by which a cell and a state are compared.
    """

    rectified = True

    def __init__(
        self,
        vocab_size: int,
        word_dim: int = 256,
        cell_size: int = 256,
        decoder_size: int = 512,
        attention_size: int = 256,
        initial_state: str = "zero",
        dropout: TextDropout = TextDropout(),
    ) -> None:
        super().__init__(vocab_size, word_dim, cell_size, decoder_size, initial_state, dropout)
        self.keys = linear(cell_size, attention_size)
        # One bias is enough: that of the keys is added to the same sum, and the softmax does not
        # see one that would be added to every score.
        self.query = linear(decoder_size, attention_size, bias=False)
        self.score = linear(attention_size, 1, bias=False)
        self.gru = nn.GRUCell(cell_size + word_dim, decoder_size)
        self.output = linear(decoder_size, decoder_size)

    def forward(
        self,
        cells: paddle.Tensor,
        captions: paddle.Tensor,
        lengths: paddle.Tensor,
        images: paddle.Tensor,
        kept: paddle.Tensor | None = None,
    ) -> tuple[paddle.Tensor, paddle.Tensor]:
        """See :meth:`WordDecoder.forward`."""
        words = self.read(captions)
        hidden = self.first_states(cells, images, kept)
        keys = paddle.gather(self.keys(cells), images)
        cells = paddle.gather(cells, images)
        lowered = out_of_sight(kept, images)
        states, looks = [], []
        for step in range(words.shape[1]):
            hidden, weights = self._after(words[:, step], hidden, keys, cells, lowered)
            states.append(hidden)
            looks.append(weights)
        logits = self.logits_of(in_words(paddle.stack(states, axis=1), lengths))
        return logits, in_words(paddle.stack(looks, axis=1), lengths)

    def next_states(
        self, words: paddle.Tensor, states: paddle.Tensor, cells: paddle.Tensor
    ) -> tuple[paddle.Tensor, paddle.Tensor, paddle.Tensor]:
        states, weights = self._after(words, states, self.keys(cells), cells, None)
        return states, states, weights

    def _after(
        self,
        words: paddle.Tensor,
        hidden: paddle.Tensor,
        keys: paddle.Tensor,
        cells: paddle.Tensor,
        lowered: paddle.Tensor | None,
    ) -> tuple[paddle.Tensor, paddle.Tensor]:
        """States after a word of each row, and where it looked."""
        compared = paddle.tanh(keys + self.query(hidden).unsqueeze(1))
        weights = attention_over(self.score(compared).squeeze(2), lowered)
        context = paddle.matmul(weights.unsqueeze(1), cells).squeeze(1)
        hidden, _ = self.gru(paddle.concat([context, words], axis=1), hidden)
        return hidden, weights

    def outputs_of(self, states: paddle.Tensor) -> paddle.Tensor:
        return self.output(states)

    def stepper(self, cells: np.ndarray) -> AttentionStep:
        """See :meth:`WordDecoder.stepper`."""
        return AttentionStep(self, cells)


class AttentionStep:
    """:class:`vsepp.models.decoders.DecoderStep` of an :class:`AttentionDecoder`."""

    def __init__(self, layer: AttentionDecoder, cells: np.ndarray) -> None:
        self.cells = cells
        self.first = initial_states(layer, cells)
        self.embedding = numbers(layer.embedding.weight)
        self.gru = GRUWeights.of(layer.gru)
        weight, bias = numbers(layer.keys.weight), numbers(layer.keys.bias)
        self.comparison = Comparison(cells @ weight + bias, numbers(layer.score.weight)[:, 0])
        self.query = numbers(layer.query.weight)
        # two linear layers with nothing between them are one
        weight, bias = numbers(layer.vocabulary.weight), numbers(layer.vocabulary.bias)
        self.output = numbers(layer.output.weight) @ weight
        self.output_bias = numbers(layer.output.bias) @ weight + bias

    def start(self) -> np.ndarray:
        return self.first

    def __call__(
        self, words: np.ndarray, states: np.ndarray, images: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        weights = np.empty((len(words), self.cells.shape[1]), np.float32)
        self.comparison.scores(images, states @ self.query, weights)
        softmax(weights)
        context = np.empty((len(words), self.cells.shape[2]), np.float32)
        for image, rows in grouped(images):
            context[rows] = weights[rows] @ self.cells[image]
        inputs = np.concatenate([context, self.embedding[words]], axis=1)
        states = gru_step(inputs, states, self.gru)
        return log_softmax(states @ self.output + self.output_bias), states, weights
