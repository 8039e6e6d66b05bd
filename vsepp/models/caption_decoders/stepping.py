"""Pieces of a decoder's single step in NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import paddle
from paddle import nn

if TYPE_CHECKING:
    from vsepp.models.caption_decoders.word_decoder import WordDecoder


def numbers(parameter: paddle.Tensor) -> np.ndarray:
    """A copy of a parameter, which stays as it is when training goes on."""
    return np.array(parameter.numpy())


class GRUWeights(NamedTuple):
    """Of one layer of a GRU, as products with rows take them."""

    inputs: np.ndarray  # [input_size, 3 H]
    hidden: np.ndarray  # [H, 3 H]
    input_bias: np.ndarray
    hidden_bias: np.ndarray

    @classmethod
    def of(cls, gru: nn.GRUCell | nn.GRU) -> GRUWeights:
        """Of a cell, or of the only layer of an ``nn.GRU``."""
        end = "" if isinstance(gru, nn.GRUCell) else "_l0"
        ih, hh, bias_ih, bias_hh = (
            numbers(getattr(gru, name + end))
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        return cls(np.ascontiguousarray(ih.T), np.ascontiguousarray(hh.T), bias_ih, bias_hh)


def gru_step(inputs: np.ndarray, states: np.ndarray, weights: GRUWeights) -> np.ndarray:
    """States after one word, float32 ``[rows, H]``; see ``vsepp.models.twins.recurrence``."""
    size = states.shape[1]
    gates = inputs @ weights.inputs + weights.input_bias
    product = states @ weights.hidden + weights.hidden_bias
    both = gates[:, : 2 * size] + product[:, : 2 * size]
    both = (np.tanh(both * np.float32(0.5)) + 1) * np.float32(0.5)
    reset, update = both[:, :size], both[:, size:]
    new = np.tanh(gates[:, 2 * size :] + reset * product[:, 2 * size :])
    return (states - new) * update + new


def initial_states(layer: WordDecoder, cells: np.ndarray) -> np.ndarray:
    """float32 ``[images, H]``: what the GRU begins a caption of each image with."""
    if layer.initial is None:
        return np.zeros((len(cells), layer.decoder_size), np.float32)
    weight, bias = numbers(layer.initial.weight), numbers(layer.initial.bias)
    return np.tanh(cells.mean(axis=1) @ weight + bias)


def softmax(scores: np.ndarray) -> np.ndarray:
    """Over the last axis, in place."""
    scores -= scores.max(axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=-1, keepdims=True)
    return scores


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Over the last axis, in place."""
    logits -= logits.max(axis=-1, keepdims=True)
    logits -= np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    return logits


def grouped(images: np.ndarray) -> list[tuple[int, slice | np.ndarray]]:
    """Each image of int64 ``[rows]``, and the rows that have it: a slice where all are in order."""
    in_order = len(images) < 2 or bool((images[1:] >= images[:-1]).all())
    order = None if in_order else np.argsort(images, kind="stable")
    found, starts = np.unique(images if order is None else images[order], return_index=True)
    ends = [*starts[1:].tolist(), len(images)]
    spans = map(slice, starts.tolist(), ends)
    return [(image, span if order is None else order[span]) for image, span in zip(found, spans)]
