"""A transformer over packed sentences for the CPU: nothing is padded, no tensor is copied.

Interface, for encoders whose twin this is (see ``vsepp.models.twins``)::

    packed_tokens(tokens, lengths) -> packed tokens, positions
    packed_states(stack, packed, lengths, causal) -> packed states

``packed`` is a float32 tensor ``[sum(lengths), size]``: the states of the first sentence, then
those of the second, and so on (of a batch of full length, ``[batch · time, size]``). The plain way
is ``stack(states, mask, causal)`` with ``[batch, time, size]``.

Inside, sentences of one length stand side by side, so that attention has no padding either, and
are cut into parts that fit a cache. A core takes a part through all layers, forward or backward;
each product then runs on that core alone. The weights' gradients are products over all words, at
the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import paddle
from paddle.autograd import PyLayer

from vsepp.models.transformer import LayerOptions, Transformer
from vsepp.models.twins.length_packing import LengthPacking, Part
from vsepp.models.twins.sharing import array_of, empty, tensor_of
from vsepp.models.twins.transformer_layer import (
    NORMS,
    PARAMETERS,
    Dropped,
    Kept,
    LayerWeights,
    backward,
    factors,
    forward,
    of_part,
    weight_grads,
)
from vsepp.system.parallel import map_blocks

#: what a stack's last backward pass has let go of, for its next forward pass: fresh memory takes
#: longer to come by than what is written into it
_SPARE: WeakKeyDictionary[Transformer, np.ndarray] = WeakKeyDictionary()


class _Memory:
    """Arrays out of one piece of memory."""

    def __init__(self, stack: Transformer, size: int) -> None:
        self.stack = stack
        whole = _SPARE.pop(stack, None)
        if whole is None or len(whole) < size:
            whole = empty((size + size // 8,))  # the next batch may have a few words more
        self._whole, self._taken = whole, 0

    def take(self, shape: tuple[int, ...]) -> np.ndarray:
        start = self._taken
        self._taken += int(np.prod(shape))
        return self._whole[start : self._taken].reshape(shape)

    def give_back(self) -> None:
        _SPARE[self.stack] = self._whole


class _Sizes:
    """Counts the numbers that arrays of given shapes would hold."""

    def __init__(self) -> None:
        self.total = 0

    def __call__(self, shape: tuple[int, ...]) -> np.ndarray:
        self.total += int(np.prod(shape))
        return np.empty((0, 0), np.float32)


def layer_parameters(stack: Transformer) -> list[paddle.Tensor]:
    """Parameters of all layers, each in the order of ``transformer_layer.PARAMETERS``."""
    return [
        getattr(getattr(layer, name), kind)
        for layer in stack.layers
        for name, kind in (parameter.split(".") for parameter in PARAMETERS)
    ]


def draw_dropped(
    generator: np.random.Generator, options: LayerOptions, words: int, pairs: int
) -> Dropped:
    """What dropout multiplies by in one layer.

    Args:
        words, pairs: how many there are; see :class:`LengthPacking`, whose order theirs is.
    """
    states = (words, options.size)
    return Dropped(
        _dropped(generator, options.attention_dropout, (pairs * options.heads,)),
        _dropped(generator, options.dropout, states),
        _dropped(generator, options.dropout, states),
    )


def _dropped(
    generator: np.random.Generator, rate: float, shape: tuple[int, ...]
) -> np.ndarray | None:
    steps = round(rate * 65536)  # of 16 random bits, a quarter of what a float takes
    if not steps:
        return None
    count = int(np.prod(shape))
    bits = generator.integers(0, 2**64 - 1, -(-count // 4), np.uint64, endpoint=True)
    kept = bits.view(np.uint16)[:count] >= steps
    return np.multiply(kept, 65536 / max(65536 - steps, 1), dtype=np.float32).reshape(shape)


class _Stack:
    """A stack's weights, and sentences that it is to compute."""

    def __init__(
        self, stack: Transformer, arrays: list[np.ndarray], packing: LengthPacking, causal: bool
    ) -> None:
        self.options, self.packing, self.causal = stack.options, packing, causal
        count = len(PARAMETERS)
        self.weights = [
            LayerWeights(arrays[start : start + count], self.options)
            for start in range(0, len(arrays), count)
        ]
        self.dropped = [Dropped()] * len(self.weights)
        if stack.training and (self.options.dropout or self.options.attention_dropout):
            seed = paddle.randint(0, 2**31 - 1, [1]).item()
            generator = np.random.Generator(np.random.SFC64(seed))
            self.dropped = [
                draw_dropped(generator, self.options, len(packing.words), packing.pairs)
                for _ in self.weights
            ]

    def forward(self, packed: np.ndarray, kept: list[Kept] | None) -> np.ndarray:
        """States of packed words; ``kept`` of each layer is filled, where it is given."""
        states = packed[self.packing.words]

        def run(part: Part) -> None:
            rows, heads = states[part.rows], self.options.heads
            if kept is None:
                pairs = part.pairs.stop - part.pairs.start
                again = Kept.make(self.options, len(rows), pairs, empty, gradients=False)
            for layer, (weights, dropped) in enumerate(zip(self.weights, self.dropped)):
                forward(
                    self.options,
                    weights,
                    part,
                    rows,
                    again if kept is None else of_part(kept[layer], part, heads),
                    of_part(dropped, part, heads),
                    self.causal,
                )

        for _ in map_blocks(run, self.packing.parts):
            pass
        return self.packing.unsort(states, empty(states.shape))

    def backward(
        self, grad: np.ndarray, kept: list[Kept], wanted: list[bool]
    ) -> tuple[np.ndarray, list[np.ndarray | None]]:
        """Gradients of packed words and of the parameters; of those not wanted, None."""
        grad = grad[self.packing.words]

        def run(part: Part) -> list[tuple[np.ndarray, ...]]:
            rows, heads = grad[part.rows], self.options.heads
            scratch = np.empty((len(rows), self.options.inner_size), np.float32)
            return [
                backward(
                    self.options,
                    self.weights[layer],
                    part,
                    rows,
                    of_part(kept[layer], part, heads),
                    of_part(self.dropped[layer], part, heads),
                    scratch,
                )
                for layer in reversed(range(len(kept)))
            ][::-1]

        norms = list(map_blocks(run, self.packing.parts))
        grads: list[np.ndarray | None] = [None] * len(wanted)
        products = []
        for layer, (weights, arrays) in enumerate(zip(self.weights, kept)):
            start = layer * len(PARAMETERS)
            for place, of_weight in enumerate(factors(self.options, weights, arrays)):
                products.append((start + 2 * place, of_weight))
            for place in range(len(NORMS)):
                parts = [part[layer][place] for part in norms]
                grads[start + len(PARAMETERS) - len(NORMS) + place] = np.sum(parts, axis=0)
        products = [(place, of) for place, of in products if any(wanted[place : place + 2])]
        found = map_blocks(lambda product: weight_grads(*product[1]), products)
        for (place, _), pair in zip(products, found):
            grads[place : place + 2] = pair
        grads = [one if needed else None for one, needed in zip(grads, wanted)]
        return self.packing.unsort(grad, empty(grad.shape)), grads


class _PackedTransformer(PyLayer):
    """All layers: packed states and all parameters → packed states."""

    @staticmethod
    def forward(
        ctx: Any,
        packed: paddle.Tensor,
        *parameters: paddle.Tensor,
        stack: Transformer,
        packing: LengthPacking,
        causal: bool,
    ) -> paddle.Tensor:
        computed = _Stack(stack, list(map(array_of, parameters)), packing, causal)
        sizes = len(packing.words), packing.pairs
        count = _Sizes()
        Kept.make(stack.options, *sizes, count, gradients=True)
        memory = _Memory(stack, count.total * len(computed.weights))
        kept = [
            Kept.make(stack.options, *sizes, memory.take, gradients=True) for _ in computed.weights
        ]
        ctx.saved = computed, kept, memory, [not one.stop_gradient for one in parameters]
        ctx.wants_states = not packed.stop_gradient
        return tensor_of(computed.forward(array_of(packed), kept))

    @staticmethod
    def backward(ctx: Any, grad: paddle.Tensor) -> tuple[paddle.Tensor | None, ...]:
        computed, kept, memory, wanted = ctx.saved
        ctx.saved = None
        states, grads = computed.backward(array_of(grad), kept, wanted)
        memory.give_back()
        found = [states if ctx.wants_states else None, *grads]
        return tuple(None if one is None else tensor_of(one) for one in found)


def packed_tokens(tokens: np.ndarray, lengths: np.ndarray) -> tuple[paddle.Tensor, paddle.Tensor]:
    """Tokens of sentences that lie one behind the other, and the place of each in its sentence.

    Args:
        tokens: int64 ``[batch, time]``.
        lengths: int64 ``[batch]``, each in ``1 … time``.

    Returns:
        (int64 ``[sum(lengths)]``, int64 ``[sum(lengths)]``)
    """
    there = np.arange(tokens.shape[1]) < lengths[:, None]
    return paddle.to_tensor(tokens[there]), paddle.to_tensor(np.nonzero(there)[1])


def packed_states(
    stack: Transformer,
    packed: paddle.Tensor,
    lengths: np.ndarray | Sequence[int],
    causal: bool = False,
) -> paddle.Tensor:
    """What ``stack`` makes of sentences that lie one behind the other.

    Dropout is as in ``stack`` when it trains, of other numbers, which follow from Paddle's seed.

    Args:
        packed: float32 ``[sum(lengths), size]`` on the CPU.
        lengths: states of each sentence, each at least 1.
        causal: no state sees a later one.

    Returns:
        float32 tensor ``[sum(lengths), size]``.
    """
    packing = LengthPacking(lengths)
    parameters = layer_parameters(stack)
    tensors = [packed, *parameters]
    if paddle.is_grad_enabled() and not all(tensor.stop_gradient for tensor in tensors):
        return _PackedTransformer.apply(*tensors, stack=stack, packing=packing, causal=causal)
    computed = _Stack(stack, list(map(array_of, parameters)), packing, causal)
    return tensor_of(computed.forward(array_of(packed), kept=None))
