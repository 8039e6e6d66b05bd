"""Several vectors become one: words of a caption, cells of a photograph.

The layers here compute with tensors alone, so that they can be exported and differentiated; what
they give is what their fast twins are held to.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import paddle
from paddle import nn

from vsepp.config import AUTO, Config
from vsepp.system.errors import InputError

_POSITION_SIZE = 32
_HIDDEN_SIZE = 32
_TEMPERATURE = 0.1  # of the softmax over positions, as the authors of GPO have it
_LOW = -1e9  # of a position that is not there: its weight is nothing


def _positions(values: paddle.Tensor) -> paddle.Tensor:
    """0, 1, 2, … for the columns of ``values [batch, time, size]``: float32 ``[time]``."""
    # A sum of ones rather than a range: their number is unknown while a network is exported.
    return paddle.cumsum(paddle.ones_like(values[0, :, 0])) - 1


def _mask(values: paddle.Tensor, lengths: paddle.Tensor) -> paddle.Tensor:
    """bool ``[batch, time, 1]``: what is no padding."""
    inside = _positions(values).unsqueeze(0) < lengths.reshape([-1, 1]).astype(values.dtype)
    return inside.unsqueeze(-1)


def below_all(values: paddle.Tensor) -> paddle.Tensor:
    """As many numbers as values, of the same type, below any of them.

    In mixed precision they are float16, which has no number as low as :data:`_LOW`.
    """
    return paddle.full_like(values, -math.inf)


class MeanPooling(nn.Layer):
    """The average."""

    def forward(self, values: paddle.Tensor, lengths: paddle.Tensor) -> paddle.Tensor:
        """Float ``[batch, time, size]`` and int64 ``[batch]`` → ``[batch, size]``."""
        inside = _mask(values, lengths)
        total = paddle.where(inside, values, paddle.zeros_like(values)).sum(axis=1)
        return total / lengths.reshape([-1, 1]).astype(values.dtype)


class MaxPooling(nn.Layer):
    """The largest of each number."""

    def forward(self, values: paddle.Tensor, lengths: paddle.Tensor) -> paddle.Tensor:
        """Float ``[batch, time, size]`` and int64 ``[batch]`` → ``[batch, size]``."""
        return paddle.where(_mask(values, lengths), values, below_all(values)).max(axis=1)


class GPO(nn.Layer):
    """Generalised pooling (VSE∞, CVPR 2021): each number's values, sorted, in a learned average.

    The weights depend on how many values there are, and on nothing else: a small GRU reads the
    positions 0 … length − 1 in both directions.
    """

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(_POSITION_SIZE, _HIDDEN_SIZE, direction="bidirect")
        bound = 1 / math.sqrt(_HIDDEN_SIZE)
        self.linear = nn.Linear(
            _HIDDEN_SIZE, 1, weight_attr=nn.initializer.Uniform(-bound, bound), bias_attr=False
        )

    def weights(self, length: int) -> paddle.Tensor:
        """The weights of ``length`` values, largest value first: float32 ``[length]``, sum 1."""
        return self.table([length])[0]

    def table(self, lengths: Iterable[int]) -> paddle.Tensor:
        """The weights of several lengths at once: float32 ``[len(lengths), max(lengths)]``.

        Zero beyond a length. A batch asks once for each length that occurs in it.
        """
        numbers = np.asarray(list(lengths), np.int64)
        positions = paddle.arange(int(numbers.max()), dtype="float32")
        return self._weights_at(positions, paddle.to_tensor(numbers))

    def _weights_at(self, positions: paddle.Tensor, lengths: paddle.Tensor) -> paddle.Tensor:
        """float32 ``[time]`` and int64 ``[n]`` → float32 ``[n, time]``."""
        inside = positions.unsqueeze(0) < lengths.reshape([-1, 1]).astype("float32")
        seen = inside.astype("float32").unsqueeze(-1)
        encodings = _position_encodings(positions).unsqueeze(0) * seen
        states, _ = self.gru(encodings, sequence_length=lengths)
        states = (states[:, :, :_HIDDEN_SIZE] + states[:, :, _HIDDEN_SIZE:]) / 2
        scores = self.linear(states).squeeze(-1).astype("float32") / _TEMPERATURE
        scores = paddle.where(inside, scores, paddle.full_like(scores, _LOW))
        weights = nn.functional.softmax(scores, axis=1)
        return paddle.where(inside, weights, paddle.zeros_like(weights))  # not 1e-28

    def forward(self, values: paddle.Tensor, lengths: paddle.Tensor) -> paddle.Tensor:
        """Float ``[batch, time, size]`` and int64 ``[batch]`` → ``[batch, size]``."""
        lengths = lengths.reshape([-1])
        if paddle.in_dynamic_mode():
            distinct, which = np.unique(lengths.numpy(), return_inverse=True)
            width = values.shape[1]
            table = self.table(distinct)
            weights = nn.functional.pad(table, [0, 0, 0, width - table.shape[1]])
            weights = weights[paddle.to_tensor(which.reshape(-1))]
        else:  # being exported: there are no values to look at
            weights = self._weights_at(_positions(values), lengths)
        inside = _mask(values, lengths)
        low = paddle.where(inside, values, below_all(values))
        ranked = paddle.sort(low, axis=1, descending=True)
        ranked = paddle.where(inside, ranked, paddle.zeros_like(ranked))
        return (ranked * weights.unsqueeze(-1).astype(ranked.dtype)).sum(axis=1)


def _position_encodings(positions: paddle.Tensor) -> paddle.Tensor:
    """Sines (even columns) and cosines (odd): float32 ``[time]`` → ``[time, 32]``."""
    steps = np.arange(0, _POSITION_SIZE, 2, dtype=np.float32)
    rates = np.exp(steps * -(math.log(10_000.0) / _POSITION_SIZE)).astype(np.float32)
    angles = positions.unsqueeze(-1) * paddle.to_tensor(rates)
    if paddle.in_dynamic_mode():
        # NumPy's: those of two versions of Paddle differ in the last bit, and the temperature
        # makes ten times that of it.
        exact = angles.numpy().astype(np.float64)
        sines, cosines = (
            paddle.to_tensor(wave(exact).astype(np.float32)) for wave in (np.sin, np.cos)
        )
    else:  # being exported
        sines, cosines = paddle.sin(angles), paddle.cos(angles)
    return paddle.stack([sines, cosines], axis=-1).reshape([-1, _POSITION_SIZE])


#: how several vectors become one, by name
POOLINGS = {"mean": MeanPooling, "max": MaxPooling, "gpo": GPO}


def build_pooling(name: str) -> nn.Layer:
    """The layer that goes by a name: ``forward(values, lengths)``, padding ignored.

    Raises:
        InputError: for another name.
    """
    if name not in POOLINGS:
        raise InputError(f"There is no pooling {name!r}: take {', '.join(POOLINGS)}.")
    return POOLINGS[name]()


def text_pooling(config: Config, usual: str) -> str:
    """The name that ``text_pooling`` stands for.

    Args:
        usual: the text encoder's own way, which is what ``auto`` means.

    Raises:
        InputError: for one that the text encoder does not have.
    """
    pooling = usual if config.text_pooling == AUTO else config.text_pooling
    if pooling not in (usual, *POOLINGS):
        raise InputError(
            f"text_pooling: {pooling} is not for text_model={config.text_model}: set "
            f"text_pooling to {usual}, {', '.join(POOLINGS)} or {AUTO}."
        )
    return pooling
