"""The twin of ``AddNormDecoder``: a packed GRU, and an image's words at its cells together."""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle
from paddle.autograd import PyLayer

from vsepp.models.caption_decoders.addnorm import EPSILON, AddNormDecoder
from vsepp.models.caption_decoders.stepping import softmax
from vsepp.models.caption_decoders.word_decoder import OUT_OF_SIGHT
from vsepp.models.twins.affine import affine
from vsepp.models.twins.caption_words import CaptionWords, logits_of, read
from vsepp.models.twins.layer_norm import normalize, normalize_backward
from vsepp.models.twins.packed_gru import layer_weights
from vsepp.models.twins.recurrence import backward, forward
from vsepp.models.twins.sharing import array_of, empty, gradients, tensor_of, wanted


def word_logits(
    layer: AddNormDecoder,
    cells: paddle.Tensor,
    captions: paddle.Tensor,
    lengths: paddle.Tensor,
    images: paddle.Tensor,
    kept: paddle.Tensor | None = None,
) -> tuple[paddle.Tensor, paddle.Tensor]:
    """What an ``AddNormDecoder`` gives; see its ``forward``."""
    words = CaptionWords(lengths.numpy(), images.numpy())
    inputs = read(layer, captions, words)
    first = layer.initial_states(cells, kept)
    if first is not None:
        first = paddle.gather(first, images)
    states = _States.apply(inputs, *layer_weights(layer.gru, 0), first, words)
    query, keys, values = states, cells, None
    if layer.query is not None:
        query = affine(layer.query, states)
        keys, values = affine(layer.keys, cells), affine(layer.values, cells)
    seen = None if kept is None else kept.numpy()
    looked, weights = _Looks.apply(query, keys, values, words, layer.heads, layer.scale, seen)
    if layer.joined is not None:
        looked = affine(layer.joined, looked)
    outputs = _AddNorm.apply(states, looked, layer.norm.weight, layer.norm.bias)
    return logits_of(layer, outputs), weights


class _States(PyLayer):
    """Packed inputs, a GRU's weights and its first states ``[n, H]`` or None → its states, caption
    after caption ``[words, H]``."""

    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> paddle.Tensor:
        *tensors, first, words = inputs
        arrays = list(map(array_of, tensors))
        packing = words.packing
        begun = None if first is None else array_of(first)[packing.order]
        states, _, kept = forward(arrays[0], arrays[1:], packing, True, begun)
        ctx.wanted = wanted((*tensors, first))
        ctx.saved = arrays, begun, words, kept
        return tensor_of(words.in_captions(states, empty(states.shape)))

    @staticmethod
    def backward(ctx: Any, grad: paddle.Tensor) -> tuple[paddle.Tensor | None, ...]:
        arrays, begun, words, kept = ctx.saved
        ctx.saved = None
        packing = words.packing
        states_grad = words.in_packing(array_of(grad))
        grads = list(backward(arrays[0], arrays[1:], packing, kept, states_grad, None, begun))
        if begun is not None:
            grads[-1] = packing.unsort(grads[-1])
        return gradients(grads, ctx.wanted)


class _AddNorm(PyLayer):
    """Two summands ``[words, size]``, a norm's weight and bias → their sum, normalised."""

    @staticmethod
    def forward(ctx: Any, *inputs: paddle.Tensor) -> paddle.Tensor:
        one, other, *parameters = map(array_of, inputs)
        summed = np.add(one, other, out=empty(one.shape))
        normal, scale = np.empty_like(summed), np.empty((len(summed), 1), np.float32)
        normalize(summed, parameters, EPSILON, normal, scale, summed)
        ctx.saved, ctx.wanted = (parameters[0], normal, scale), wanted(inputs)
        return tensor_of(summed)

    @staticmethod
    def backward(ctx: Any, grad: paddle.Tensor) -> tuple[paddle.Tensor | None, ...]:
        weight, normal, scale = ctx.saved
        ctx.saved = None
        summed_grad = empty(normal.shape)
        summed_grad[...] = array_of(grad)
        of_parameters = normalize_backward(summed_grad, weight, normal, scale)
        return gradients((summed_grad, summed_grad.copy(), *of_parameters), ctx.wanted)


class _Looks(PyLayer):
    """Queries ``[words, size]``, keys and values ``[images, cells, size]`` → (what was looked at,
    ``[words, size]``; how much each cell was, the mean over heads, ``[words, cells]``).

    Values of None are the keys.
    """

    @staticmethod
    def forward(
        ctx: Any,
        queries: paddle.Tensor,
        keys: paddle.Tensor,
        values: paddle.Tensor | None,
        words: CaptionWords,
        heads: int,
        scale: float,
        seen: np.ndarray | None,
    ) -> tuple[paddle.Tensor, paddle.Tensor]:
        arrays = [None if one is None else array_of(one) for one in (queries, keys, values)]
        query, key, value = _in_heads(arrays, heads)
        weights = np.empty((heads, len(query[0]), key.shape[2]), np.float32)
        looked = empty(tuple(queries.shape))
        into = _split(looked, heads)
        for image, rows in words.spans:
            part = np.matmul(query[:, rows], key[image].transpose(0, 2, 1))
            if scale != 1:
                part *= np.float32(scale)
            if seen is not None:
                part -= np.float32(OUT_OF_SIGHT) * ~seen[image]
            softmax(part)
            weights[:, rows] = part
            into[:, rows] = np.matmul(part, value[image])
        ctx.wanted = wanted((queries, keys, values))
        ctx.saved = arrays, weights, words, heads, scale
        attention = empty(weights.shape[1:])
        weights.mean(axis=0, out=attention)
        return tensor_of(looked), tensor_of(attention)

    @staticmethod
    def backward(
        ctx: Any, looked_grad: paddle.Tensor, attention_grad: paddle.Tensor
    ) -> tuple[paddle.Tensor | None, ...]:
        arrays, weights, words, heads, scale = ctx.saved
        ctx.saved = None
        query, key, value = _in_heads(arrays, heads)
        grads = [empty(one.shape) for one in arrays if one is not None]
        for grad in grads[1:]:
            grad[...] = 0  # images without a caption
        query_grad, key_grad, value_grad = _in_heads([*grads, None][:3], heads)
        looked = _split(array_of(looked_grad), heads)
        shares = array_of(attention_grad) / np.float32(heads)
        for image, rows in words.spans:
            part, grad = weights[:, rows], looked[:, rows]
            # added: where values are the keys, both gradients are of one array
            value_grad[image] += np.matmul(part.transpose(0, 2, 1), grad)
            scores = np.matmul(grad, value[image].transpose(0, 2, 1))
            scores += shares[rows]
            scores *= part
            scores -= part * scores.sum(axis=2, keepdims=True)
            if scale != 1:
                scores *= np.float32(scale)
            query_grad[:, rows] = np.matmul(scores, key[image])
            key_grad[image] += np.matmul(scores.transpose(0, 2, 1), query[:, rows])
        return gradients(grads, ctx.wanted)


def _in_heads(arrays: Any, heads: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Views of queries ``[heads, words, …]``, keys and values ``[images, heads, cells, …]``."""
    queries, keys, values = arrays
    keys = _split(keys, heads)
    return _split(queries, heads), keys, keys if values is None else _split(values, heads)


def _split(rows: np.ndarray, heads: int) -> np.ndarray:
    """``[…, rows, size]`` → a view ``[…, heads, rows, size of a head]``."""
    return np.moveaxis(rows.reshape(*rows.shape[:-1], heads, -1), -2, -3)
