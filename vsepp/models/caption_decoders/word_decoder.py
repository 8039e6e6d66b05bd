"""What caption decoders have in common: words in, states in between, words out.

*Words* are what a decoder predicts, those of all captions, caption after caption: of a caption of
``length`` indices, ``<start>`` and ``<end>`` included, they are all but the first, each predicted
from those before it.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
import paddle
from paddle import nn

from vsepp.models.decoders import DecoderStep
from vsepp.models.dropout import drop_numbers
from vsepp.models.text_encoders.batches import longest_of
from vsepp.models.text_encoders.text_dropout import TextDropout
from vsepp.models.twins import compute
from vsepp.system.errors import InputError

INITIAL_STATES = ("zero", "mean")
OUT_OF_SIGHT = 1e4  # what the score of a cell that is left out is lowered by


class WordDecoder(nn.Layer):
    """Cells of images and captions → logits of the captions' words.

    Args:
        vocab_size: entries of the vocabulary, the special ones included.
        word_dim: size of a word's embedding, initialised U(−0.1, 0.1).
        cell_size: numbers of a cell.
        decoder_size: size of the GRU's state.
        initial_state: ``zero``, or ``mean``: tanh of a linear layer over the cells' mean.
        dropout: what a step of training leaves out; its ``outputs`` before the last layer.

    Attributes:
        rectified: whether the cells that it reads are to have gone through a ReLU.
    """

    rectified = False
    recurrent_weight = "gru.weight_hh"  # the name of a parameter [3 decoder_size, decoder_size]

    def __init__(
        self,
        vocab_size: int,
        word_dim: int,
        cell_size: int,
        decoder_size: int,
        initial_state: str = "zero",
        dropout: TextDropout = TextDropout(),
    ) -> None:
        super().__init__()
        if initial_state not in INITIAL_STATES:
            raise InputError(
                f"initial_state must be one of {', '.join(INITIAL_STATES)}, not {initial_state!r}."
            )
        self.embedding = nn.Embedding(
            vocab_size, word_dim, weight_attr=nn.initializer.Uniform(-0.1, 0.1)
        )
        self.initial = linear(cell_size, decoder_size) if initial_state == "mean" else None
        self.vocabulary = linear(decoder_size, vocab_size)
        self.cell_size, self.decoder_size = cell_size, decoder_size
        self.dropout = dropout

    @staticmethod
    def check_sizes(**sizes: Any) -> None:
        """InputError where sizes, as the decoder is built with them, contradict each other."""

    def __call__(
        self,
        cells: paddle.Tensor,
        captions: paddle.Tensor,
        lengths: paddle.Tensor,
        images: paddle.Tensor,
        kept: paddle.Tensor | None = None,
    ) -> tuple[paddle.Tensor, paddle.Tensor]:
        """See :meth:`forward`; after a look at the batch, by the way that is fastest where it lies.

        Raises:
            InputError: for a caption without a word to predict, an index outside the vocabulary,
                an image that is not there, or tensors of other shapes or types.
        """
        longest = longest_of(captions, lengths, self.embedding.weight.shape[0])
        rows = images.numpy()
        if int(lengths.min()) < 2:
            raise InputError(
                "lengths: a caption has fewer than two indices: begin each with <start> and end it "
                "with <end>."
            )
        if rows.shape != (len(captions),) or rows.min() < 0 or rows.max() >= len(cells):
            raise InputError(
                f"images must be int64 [{len(captions)}], for each of captions a row of the "
                f"{len(cells)} of cells."
            )
        return compute(self, cells, captions[:, :longest], lengths.reshape([-1]), images, kept)

    @abstractmethod
    def forward(
        self,
        cells: paddle.Tensor,
        captions: paddle.Tensor,
        lengths: paddle.Tensor,
        images: paddle.Tensor,
        kept: paddle.Tensor | None = None,
    ) -> tuple[paddle.Tensor, paddle.Tensor]:
        """Logits of words, and where each word looked; the batch is not checked.

        Args:
            cells: float32 ``[images, cells, cell_size]``.
            captions: int64 ``[n, time]``, ``<start> words <end>``, padded.
            lengths: int64 ``[n]``, the true lengths, the longest being ``time``.
            images: int64 ``[n]``, each caption's row of ``cells``.
            kept: bool ``[images, cells]``, the cells that can be looked at, of each image at least
                one; None: all.

        Returns:
            (float32 ``[words, vocab_size]``, float32 ``[words, cells]`` whose rows sum to 1)
        """

    @abstractmethod
    def stepper(self, cells: np.ndarray) -> DecoderStep:
        """The decoder over the cells of some images, a word at a time, in NumPy.

        Args:
            cells: float32 ``[images, cells, cell_size]``.
        """

    def step(
        self, words: paddle.Tensor, states: paddle.Tensor, cells: paddle.Tensor
    ) -> tuple[paddle.Tensor, paddle.Tensor, paddle.Tensor]:
        """One word in each of some unfinished captions, with tensors alone, to be exported.

        Args:
            words: int64 ``[rows]``.
            states: float32 ``[rows, decoder_size]``, from before the word.
            cells: float32 ``[rows, cells, cell_size]``, those that each row looks at.

        Returns:
            what :class:`vsepp.models.decoders.DecoderStep` gives, whose values they are.
        """
        states, read, weights = self.next_states(self.embedding(words), states, cells)
        return nn.functional.log_softmax(self.logits_of(read), axis=-1), states, weights

    @abstractmethod
    def next_states(
        self, words: paddle.Tensor, states: paddle.Tensor, cells: paddle.Tensor
    ) -> tuple[paddle.Tensor, paddle.Tensor, paddle.Tensor]:
        """States after a word of each row, what :meth:`logits_of` reads of them, and where each
        row looked; ``words`` are embeddings, float32 ``[rows, word_dim]``."""

    @abstractmethod
    def outputs_of(self, states: paddle.Tensor) -> paddle.Tensor:
        """What the last layer reads: float32 ``[words, decoder_size]`` of the GRU's states."""

    # ---- what the plain way and its twin on a CPU share ----------------------------------------

    @property
    def dropout_now(self) -> TextDropout:
        """What a step leaves out in the mode that the layer is in."""
        return self.dropout if self.training else TextDropout()

    def initial_states(
        self, cells: paddle.Tensor, kept: paddle.Tensor | None
    ) -> paddle.Tensor | None:
        """float32 ``[images, decoder_size]``, or None where they are zero."""
        if self.initial is None:
            return None
        if kept is None:
            mean = cells.mean(axis=1)
        else:
            shares = kept.astype("float32")
            shares = shares / shares.sum(axis=1, keepdim=True)
            mean = paddle.matmul(shares.unsqueeze(1), cells).squeeze(1)
        return paddle.tanh(self.initial(mean))

    # ---- the plain way -------------------------------------------------------------------------

    def read(self, captions: paddle.Tensor) -> paddle.Tensor:
        """Embeddings of all words but the last column's: float32 ``[n, time − 1, word_dim]``."""
        dropout = self.dropout_now
        words = dropout.of_words(captions[:, :-1])
        return drop_numbers(self.embedding(words), dropout.embeddings)

    def first_states(
        self, cells: paddle.Tensor, images: paddle.Tensor, kept: paddle.Tensor | None
    ) -> paddle.Tensor:
        """float32 ``[n, decoder_size]``: what the GRU begins each caption with."""
        states = self.initial_states(cells, kept)
        if states is None:
            return paddle.zeros([images.shape[0], self.decoder_size])
        return paddle.gather(states, images)

    def logits_of(self, states: paddle.Tensor) -> paddle.Tensor:
        """float32 ``[words, decoder_size]`` of the GRU → float32 ``[words, vocab_size]``."""
        return self.vocabulary(drop_numbers(self.outputs_of(states), self.dropout_now.outputs))


def linear(size: int, result_size: int, bias: bool = True) -> nn.Linear:
    """A linear layer with Xavier-uniform weights and bias 0, as Keras begins it."""
    return nn.Linear(
        size,
        result_size,
        weight_attr=nn.initializer.XavierUniform(),
        bias_attr=nn.initializer.Constant(0.0) if bias else False,
    )


def out_of_sight(kept: paddle.Tensor | None, images: paddle.Tensor) -> paddle.Tensor | None:
    """What scores of captions' cells are lowered by, float32 ``[n, cells]``; None for nothing.

    Args:
        kept, images: see :meth:`WordDecoder.forward`.
    """
    if kept is None:
        return None
    return paddle.gather(paddle.logical_not(kept).astype("float32") * OUT_OF_SIGHT, images)


def attention_over(scores: paddle.Tensor, lowered: paddle.Tensor | None) -> paddle.Tensor:
    """The softmax of scores ``[n, …, cells]``, lowered by ``[n, cells]``."""
    if lowered is not None:
        ones = [1] * (len(scores.shape) - 2)
        scores = scores - lowered.reshape([lowered.shape[0], *ones, lowered.shape[1]])
    return nn.functional.softmax(scores, axis=-1)


def in_words(grid: paddle.Tensor, lengths: paddle.Tensor) -> paddle.Tensor:
    """``[n, time, size]`` → ``[words, size]``: of caption ``i`` the first ``lengths[i] − 1``."""
    steps = paddle.arange(grid.shape[1]).unsqueeze(0)
    places = paddle.nonzero((steps < lengths.unsqueeze(1) - 1).reshape([-1])).reshape([-1])
    return paddle.gather(grid.reshape([-1, grid.shape[2]]), places)


def targets_of(captions: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The words that decoders predict of int64 ``[n, time]`` captions: int64 ``[words]``."""
    steps = np.arange(captions.shape[1] - 1)
    return captions[:, 1:][steps < lengths[:, None] - 1]
