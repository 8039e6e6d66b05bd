"""A moving average of the weights: what a run validates and keeps, while it trains the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import paddle

from vsepp.system.errors import InputError


class WeightAverage:
    """An exponential moving average of what is trained of a network.

    After the step of number t, from 1, an average is ``d`` of itself and the rest the weight, with
    ``d = min(decay, (1 + t) / (10 + t))``: the average forgets how the run began as fast as it
    can, and is fit for use at every moment. It follows from the weights alone; statistics of
    batch-norm, which are averages already, and whatever is frozen stay those of the network.

    Args:
        model: the network; the average begins with its weights.
        decay: below 1.
    """

    def __init__(self, model: paddle.nn.Layer, decay: float) -> None:
        self.decay = decay
        self._trained = {
            name: parameter
            for name, parameter in model.named_parameters()
            if not parameter.stop_gradient
        }
        self._average = {name: each.detach().clone() for name, each in self._trained.items()}

    @paddle.no_grad()
    def update(self, step: int) -> None:
        """Take the weights in as they are after the step of a number, from 1."""
        share = 1 - min(self.decay, (1 + step) / (10 + step))
        for name, parameter in self._trained.items():
            self._average[name].lerp_(parameter, share)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Let the network have the average for its weights while the block runs."""
        kept = {name: parameter.detach().clone() for name, parameter in self._trained.items()}
        self._set(self._average)
        try:
            yield
        finally:
            self._set(kept)

    @paddle.no_grad()
    def _set(self, values: Mapping[str, paddle.Tensor]) -> None:
        for name, parameter in self._trained.items():
            paddle.assign(values[name], output=parameter)

    def state(self) -> dict[str, np.ndarray]:
        """``{parameter: ndarray}`` of the average, copied."""
        return {name: np.array(value.numpy()) for name, value in self._average.items()}

    def restore(self, state: Mapping[str, np.ndarray], source: str) -> None:
        """Go on from what :meth:`state` returned.

        Raises:
            InputError: when it is of another network.
        """
        for name, own in self._average.items():
            value = state.get(name)
            if value is None or value.shape != tuple(own.shape):
                raise InputError(
                    f"{source}: the average of {name} is missing or of another shape: resume with "
                    "the configuration that wrote it."
                )
            own.set_value(paddle.to_tensor(value))
