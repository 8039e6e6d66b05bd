"""The twin of ``AttentionDecoder``: its recurrence over the words alone, in NumPy.

Step ``t`` reads only the captions that have a word there. Keys and cells of an image are computed
and kept once, not for each of its captions, and of what the tanh compares nothing is kept: the
way back computes it again, a few rows at a time, in the processor's cache.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle
from paddle.autograd import PyLayer

from vsepp.models.caption_decoders.attention import AttentionDecoder
from vsepp.models.caption_decoders.stepping import softmax
from vsepp.models.caption_decoders.word_decoder import OUT_OF_SIGHT
from vsepp.models.twins.affine import affine
from vsepp.models.twins.attention_step import Comparison
from vsepp.models.twins.caption_words import CaptionWords, logits_of, read
from vsepp.models.twins.recurrence import advance, input_bias, retreat
from vsepp.models.twins.sharing import array_of, empty, gradients, tensor_of, wanted


def word_logits(
    layer: AttentionDecoder,
    cells: paddle.Tensor,
    captions: paddle.Tensor,
    lengths: paddle.Tensor,
    images: paddle.Tensor,
    kept: paddle.Tensor | None = None,
) -> tuple[paddle.Tensor, paddle.Tensor]:
    """What an ``AttentionDecoder`` gives; see its ``forward``."""
    words = CaptionWords(lengths.numpy(), images.numpy())
    inputs = read(layer, captions, words)
    first = layer.initial_states(cells, kept)
    if first is not None:
        first = paddle.gather(first, images)
    gru = layer.gru
    states, attention = _Recurrence.apply(
        inputs,
        cells,
        affine(layer.keys, cells),
        layer.query.weight,
        layer.score.weight,
        gru.weight_ih,
        gru.weight_hh,
        gru.bias_ih,
        gru.bias_hh,
        first,
        words,
        None if kept is None else kept.numpy(),
    )
    return logits_of(layer, affine(layer.output, states)), attention


class _Recurrence(PyLayer):
    """Packed words ``[words, word_dim]``, cells and keys ``[images, cells, …]``, weights, first
    states ``[n, H]`` or None → (states ``[words, H]``, attention ``[words, cells]``), both caption
    after caption."""

    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> tuple[paddle.Tensor, paddle.Tensor]:
        *tensors, first, words, kept = inputs
        arrays = list(map(array_of, tensors))
        begun = None if first is None else array_of(first)[words.packing.order]
        pass_ = _Pass(arrays, begun, words, kept)
        pass_.forward()
        ctx.saved, ctx.wanted = pass_, wanted((*tensors, first))
        results = (pass_.states, pass_.attention)
        return tuple(tensor_of(words.in_captions(rows, empty(rows.shape))) for rows in results)

    @staticmethod
    def backward(
        ctx: Any, states_grad: paddle.Tensor, attention_grad: paddle.Tensor
    ) -> tuple[paddle.Tensor | None, ...]:
        pass_ = ctx.saved
        ctx.saved = None
        packed = map(pass_.words.in_packing, map(array_of, (states_grad, attention_grad)))
        return gradients(pass_.backward(*packed), ctx.wanted)


class _Pass:
    """One batch on its way forwards and back; rows are packed.

    Args:
        arrays: words, cells, keys, and the weights of query, score and GRU.
        begun: ``[n, H]`` first states in falling order of length, or None for zero.
        words: where words stand.
        kept: bool ``[images, cells]``, or None.
    """

    def __init__(
        self,
        arrays: list[np.ndarray],
        begun: np.ndarray | None,
        words: CaptionWords,
        kept: np.ndarray | None,
    ) -> None:
        self.inputs, self.cells, keys, query, score, *self.gru = arrays
        self.begun, self.words, self.kept = begun, words, kept
        self.images = words.packed_images
        self.comparison = Comparison(keys, score[:, 0])
        self.context_size = self.cells.shape[2]
        # what states are multiplied by: the GRU's weights and the query's, [H, 3H + A]
        self.of_states = np.concatenate([self.gru[1].T, query], axis=1)

    def forward(self) -> None:
        """Fill ``states``, ``attention`` and what :meth:`backward` needs."""
        weight_ih, weight_hh, _, bias_hh = self.gru
        size, packing = weight_hh.shape[1], self.words.packing
        count, first = len(self.images), packing.batch_sizes[0]
        of_context = np.ascontiguousarray(weight_ih[:, : self.context_size].T)
        self.gates = self.inputs @ weight_ih[:, self.context_size :].T
        self.gates += input_bias(self.gru)
        self.states, self.candidates = np.empty((2, count, size), np.float32)
        self.attention = np.empty((count, self.cells.shape[1]), np.float32)
        self.contexts = np.empty((count, self.context_size), np.float32)
        self.queries = np.empty((count, self.of_states.shape[1] - 3 * size), np.float32)
        begun = np.zeros((first, size), np.float32) if self.begun is None else self.begun
        products = np.empty((first, self.of_states.shape[1]), np.float32)
        for step, rows in enumerate(packing.steps):
            before = self.states[packing.rows_before(step)] if step else begun
            product = np.matmul(before, self.of_states, out=products[: len(before)])
            self.queries[rows] = product[:, 3 * size :]
            images, weights = self.images[rows], self.attention[rows]
            self.comparison.scores(images, self.queries[rows], weights)
            if self.kept is not None:
                weights -= np.float32(OUT_OF_SIGHT) * ~self.kept[images]
            softmax(weights)
            for row, image in enumerate(images.tolist(), rows.start):
                np.dot(self.attention[row], self.cells[image], out=self.contexts[row])
            gate = self.gates[rows]
            gate += self.contexts[rows] @ of_context
            candidate, state = self.candidates[rows], self.states[rows]
            advance(gate, product[:, : 3 * size], before, bias_hh, candidate, state)

    def backward(self, states_grad: np.ndarray, attention_grad: np.ndarray) -> list[np.ndarray]:
        """Gradients of the arrays and of the first states, where there are any.

        Args:
            states_grad: ``[words, H]``.
            attention_grad: ``[words, cells]``.
        """
        weight_ih, weight_hh, *_ = self.gru
        size, packing = weight_hh.shape[1], self.words.packing
        first = packing.batch_sizes[0]
        of_context = np.ascontiguousarray(weight_ih[:, : self.context_size])
        of_states = np.ascontiguousarray(self.of_states.T)
        carried, scratch = np.zeros((2, first, size), np.float32)
        products_grad = np.empty((len(self.images), len(of_states)), np.float32)
        contexts_grad = np.empty_like(self.contexts)
        self.comparison.begin_backward()
        for step in range(len(packing.steps) - 1, -1, -1):
            rows = packing.steps[step]
            count = rows.stop - rows.start
            grad, scrap, product = carried[:count], scratch[:count], products_grad[rows]
            grad += states_grad[rows]
            before = self.states[packing.rows_before(step)] if step else self.begun
            gate = self.gates[rows]
            retreat(gate, grad, before, self.candidates[rows], product, scrap)
            np.matmul(gate, of_context, out=contexts_grad[rows])
            images, weights, scores = self.images[rows], self.attention[rows], attention_grad[rows]
            for place, image in enumerate(images.tolist()):
                scores[place] += self.cells[image] @ contexts_grad[rows.start + place]
            scores -= np.einsum("ij,ij->i", scores, weights)[:, None]
            scores *= weights
            self.comparison.backward(images, self.queries[rows], scores, product[:, 3 * size :])
            if before is not None:
                np.matmul(product, of_states, out=scrap)
                grad += scrap
        of_gru = self._gru_grads(products_grad)
        query_grad = of_gru.pop()
        keys_grad, score_grad = self.comparison.end_backward()
        return [
            self.gates @ weight_ih[:, self.context_size :],
            self._cells_grad(contexts_grad),
            keys_grad,
            query_grad,
            score_grad[:, None],
            *of_gru,
            *([] if self.begun is None else [packing.unsort(carried)]),
        ]

    def _gru_grads(self, products_grad: np.ndarray) -> list[np.ndarray]:
        """Of the GRU's four parameters, and of the query's weight."""
        packing, (weight_ih, weight_hh, *_) = self.words.packing, self.gru
        first, size = packing.batch_sizes[0], weight_hh.shape[1]
        of_states = self.states[packing.before].T @ products_grad[first:]
        if self.begun is not None:
            of_states += self.begun.T @ products_grad[:first]
        of_inputs = empty(weight_ih.shape)
        np.matmul(self.gates.T, self.contexts, out=of_inputs[:, : self.context_size])
        np.matmul(self.gates.T, self.inputs, out=of_inputs[:, self.context_size :])
        return [
            of_inputs,
            np.ascontiguousarray(of_states[:, : 3 * size].T),
            self.gates.sum(axis=0),
            products_grad[:, : 3 * size].sum(axis=0),
            np.ascontiguousarray(of_states[:, 3 * size :]),
        ]

    def _cells_grad(self, contexts_grad: np.ndarray) -> np.ndarray:
        """Of the cells, through what was looked at."""
        result = empty(self.cells.shape)
        result[...] = 0
        for image, rows in self.words.packed_spans:
            np.matmul(self.attention[rows].T, contexts_grad[rows], out=result[image])
        return result
