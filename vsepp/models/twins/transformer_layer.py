"""One layer of a transformer over packed words, forward and backward, in NumPy, in place.

The equations are those of ``vsepp.models.transformer.TransformerLayer``. All arrays are float32.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import TypeVar

import numpy as np

from vsepp.models.transformer import LayerOptions
from vsepp.models.twins.activations import activate
from vsepp.models.twins.attention import attend, attend_backward
from vsepp.models.twins.layer_norm import normalize, normalize_backward
from vsepp.models.twins.length_packing import Part
from vsepp.models.twins.sharing import empty

#: parameters of a layer in the order of :class:`LayerWeights` and of :func:`weight_grads`
PARAMETERS = [
    f"{name}.{kind}"
    for name in ("query", "key", "value", "output", "up", "down", "norm_attention", "norm_output")
    for kind in ("weight", "bias")
]
NORMS = PARAMETERS[-4:]


class LayerWeights:
    """A layer's parameters as its products take them.

    Args:
        arrays: those of :data:`PARAMETERS`.
    """

    def __init__(self, arrays: Sequence[np.ndarray], options: LayerOptions) -> None:
        # the scale of the scores is in the query's weights: these are fewer than the scores
        self.scale = (options.size // options.heads) ** -0.5
        query, query_bias, key, key_bias, value, value_bias = arrays[:6]
        self.gates = np.concatenate([query * self.scale, key, value], axis=1)
        self.gates_bias = np.concatenate([query_bias * self.scale, key_bias, value_bias])
        self.output, self.output_bias, self.up, self.up_bias = arrays[6:10]
        self.down, self.down_bias = arrays[10:12]
        self.norm_attention, self.norm_output = arrays[12:14], arrays[14:16]


@dataclass
class Dropped:
    """What dropout multiplies by: 0, or 1 / (1 − rate).

    Attributes:
        pairs: ``[pairs · heads]`` for the probabilities of the attention, or None.
        attention, dense: ``[words, size]`` for what is added to the states, or None.
    """

    pairs: np.ndarray | None = None
    attention: np.ndarray | None = None
    dense: np.ndarray | None = None


@dataclass
class Kept:
    """What a layer computes and its gradients need, for all words or for some."""

    gates: np.ndarray  # [words, 3 · size]: queries, keys, values; at last their gradient
    source: np.ndarray  # [words, size]: what they were made of
    probabilities: np.ndarray  # [pairs · heads]
    found: np.ndarray  # [words, size]: what attention has found
    middle: np.ndarray  # [words, size]: what the dense layers take
    inner: np.ndarray  # [words, inner_size]: what the second of them takes
    slope: np.ndarray  # [words, inner_size]: of the activation; at last the gradient of what the
    # first has given. This and what ends in _grad has no rows when there will be no gradients
    normal_attention: np.ndarray  # [words, size]: see normalize
    normal_output: np.ndarray
    scale_attention: np.ndarray  # [words, 1]
    scale_output: np.ndarray
    output_grad: np.ndarray  # [words, size]: gradient of what attention adds
    down_grad: np.ndarray  # [words, size]: gradient of what the dense layers add

    @classmethod
    def make(
        cls,
        options: LayerOptions,
        words: int,
        pairs: int,
        take: Callable[[tuple[int, ...]], np.ndarray],
        gradients: bool,
    ) -> Kept:
        """Arrays, not filled, made by ``take``, which is called with their shapes."""
        states, inner = (words, options.size), (words, options.inner_size)
        later = words if gradients else 0
        return cls(
            gates=take((words, 3 * options.size)),
            source=take(states),
            probabilities=take((pairs * options.heads,)),
            found=take(states),
            middle=take(states),
            inner=take(inner),
            slope=take((later, options.inner_size)),
            normal_attention=take(states),
            normal_output=take(states),
            scale_attention=take((words, 1)),
            scale_output=take((words, 1)),
            output_grad=take((later, options.size)),
            down_grad=take((later, options.size)),
        )


Arrays = TypeVar("Arrays", Kept, Dropped)


def of_part(arrays: Arrays, part: Part, heads: int) -> Arrays:
    """The same for the words of one part: views."""
    pairs = slice(part.pairs.start * heads, part.pairs.stop * heads)
    views = {}
    for field in fields(arrays):
        array = getattr(arrays, field.name)
        if array is not None:
            views[field.name] = array[pairs if array.ndim == 1 else part.rows]
    return replace(arrays, **views)


def forward(
    options: LayerOptions,
    weights: LayerWeights,
    part: Part,
    states: np.ndarray,
    kept: Kept,
    dropped: Dropped,
    causal: bool,
) -> None:
    """Overwrite states ``[words, size]`` of a part by what the layer makes of them.

    Args:
        kept: arrays of the part's words, filled.
        dropped: of the part's words.
    """
    eps = options.layer_norm_eps
    of_attention = kept.normal_attention, kept.scale_attention
    of_output = kept.normal_output, kept.scale_output
    if options.norm_first:
        normalize(states, weights.norm_attention, eps, *of_attention, kept.source)
    else:
        kept.source[...] = states
    np.matmul(kept.source, weights.gates, out=kept.gates)
    kept.gates += weights.gates_bias
    attend(
        kept.gates,
        part.groups,
        options.heads,
        causal,
        dropped.pairs,
        kept.probabilities,
        kept.found,
    )
    _add(states, kept.found, weights.output, weights.output_bias, dropped.attention)
    if options.norm_first:
        normalize(states, weights.norm_output, eps, *of_output, kept.middle)
    else:
        normalize(states, weights.norm_attention, eps, *of_attention, states)
        kept.middle[...] = states
    np.matmul(kept.middle, weights.up, out=kept.inner)
    kept.inner += weights.up_bias
    activate(options.activation, kept.inner, kept.slope if len(kept.slope) else None)
    _add(states, kept.inner, weights.down, weights.down_bias, dropped.dense)
    if not options.norm_first:
        normalize(states, weights.norm_output, eps, *of_output, states)


def _add(
    states: np.ndarray,
    rows: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    dropped: np.ndarray | None,
) -> None:
    added = rows @ weight
    added += bias
    if dropped is not None:
        added *= dropped
    states += added


def backward(
    options: LayerOptions,
    weights: LayerWeights,
    part: Part,
    grad: np.ndarray,
    kept: Kept,
    dropped: Dropped,
    scratch: np.ndarray,
) -> tuple[np.ndarray, ...]:
    """Overwrite the gradient of what :func:`forward` gave by that of what it took.

    ``kept`` is left as :func:`weight_grads` takes it.

    Args:
        scratch: ``[words, inner_size]`` to work in.

    Returns:
        this part's gradients of :data:`NORMS`
    """
    attention_norm = weights.norm_attention[0], kept.normal_attention, kept.scale_attention
    output_norm = weights.norm_output[0], kept.normal_output, kept.scale_output
    if not options.norm_first:
        output_grads = normalize_backward(grad, *output_norm)
    _copy(grad, dropped.dense, kept.down_grad)
    np.matmul(kept.down_grad, weights.down.T, out=scratch)
    kept.slope *= scratch
    added = kept.slope @ weights.up.T
    if options.norm_first:
        output_grads = normalize_backward(added, *output_norm)
        grad += added
    else:
        grad += added
        attention_grads = normalize_backward(grad, *attention_norm)
    _copy(grad, dropped.attention, kept.output_grad)
    np.matmul(kept.output_grad, weights.output.T, out=added)
    attend_backward(
        kept.gates, part.groups, options.heads, dropped.pairs, kept.probabilities, added
    )
    np.matmul(kept.gates, weights.gates.T, out=added)
    if options.norm_first:
        attention_grads = normalize_backward(added, *attention_norm)
    grad += added
    return (*attention_grads, *output_grads)


def _copy(grad: np.ndarray, dropped: np.ndarray | None, out: np.ndarray) -> None:
    if dropped is None:
        out[...] = grad
    else:
        np.multiply(grad, dropped, out=out)


def factors(
    options: LayerOptions, weights: LayerWeights, kept: Kept
) -> list[tuple[np.ndarray, np.ndarray, float]]:
    """Of query, key, value, output, up and down, after :func:`backward` of all words.

    Returns:
        list of (rows that the weights were multiplied with, gradient of the product, factor of
        the gradient): see :func:`weight_grads`
    """
    query, key, value = np.split(kept.gates, 3, axis=1)
    return [
        (kept.source, query, weights.scale),
        (kept.source, key, 1),
        (kept.source, value, 1),
        (kept.found, kept.output_grad, 1),
        (kept.middle, kept.slope, 1),
        (kept.inner, kept.down_grad, 1),
    ]


def weight_grads(rows: np.ndarray, grad: np.ndarray, factor: float) -> list[np.ndarray]:
    """Gradients of weight and bias of one dense layer, in arrays of their own."""
    weight, bias = empty((rows.shape[1], grad.shape[1])), empty((grad.shape[1],))
    np.matmul(rows.T, grad, out=weight)
    np.add.reduce(grad, 0, out=bias)
    if factor != 1:
        weight *= factor
        bias *= factor
    return [weight, bias]
