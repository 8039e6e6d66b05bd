"""Weights in fewer bytes: kept as float16 or int8, computed with as float32."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import paddle
from paddle import nn

from vsepp.export.graphs import Graph

PRECISIONS = ("float32", "float16", "int8")
_MOST = 127  # of an int8, either way


def narrowed(value: np.ndarray, precision: str, rows: bool) -> tuple[np.ndarray, np.ndarray | None]:
    """A weight in fewer bytes.

    Args:
        value: float32, two or more axes.
        precision: ``float16``, or ``int8``, which has a scale for each row or column.
        rows: results stand along the first axis, not along the last.

    Returns:
        (the weight, what it is to be multiplied by or None)
    """
    if precision == "float16":
        most = np.finfo(np.float16).max
        return np.clip(value, -most, most).astype(np.float16), None
    axes = tuple(range(1, value.ndim)) if rows else tuple(range(value.ndim - 1))
    scale = np.abs(value).max(axis=axes, keepdims=True) / np.float32(_MOST)
    scale = np.where(scale > 0, scale, 1).astype(np.float32)
    return np.clip(np.rint(value / scale), -_MOST, _MOST).astype(np.int8), scale


def widened(value: np.ndarray, scale: np.ndarray | None) -> np.ndarray:
    """The float32 numbers that a narrowed weight stands for."""
    wide = value.astype(np.float32)
    return wide if scale is None else wide * scale


class _Place:
    """A weight: the layer that has it, and its name there."""

    def __init__(self, layer: nn.Layer, name: str) -> None:
        self.layer, self.name = layer, name
        self.parameter: paddle.Tensor = layer._parameters[name]

    def hold(self, tensor: Any) -> None:
        """Let the layer compute with a tensor in place of its parameter, which is none of its
        parameters then."""
        self.layer._parameters.pop(self.name, None)
        object.__setattr__(self.layer, self.name, tensor)
        self._list(tensor)

    def restore(self) -> None:
        vars(self.layer).pop(self.name, None)
        self.layer._parameters[self.name] = self.parameter
        self._list(self.parameter)

    def _list(self, tensor: Any) -> None:
        """A GRU keeps its weights in a list besides."""
        listed = getattr(self.layer, "_all_weights", None)
        if listed is None:
            return
        if not hasattr(self, "_number"):
            self._number = next(
                place for place, each in enumerate(listed) if each is self.parameter
            )
        listed[self._number] = tensor


@contextmanager
def in_precision(graph: Graph, precision: str) -> Iterator[None]:
    """Let a graph be written in a precision; biases and norms stay as they are.

    Its parameters become the numbers that are kept, for good: what is written is held to them.
    """
    if precision == "float32":
        yield
        return
    kept = []
    for number, place in enumerate(_places(graph)):
        rows = not isinstance(place.layer, nn.Linear)
        value, scale = narrowed(place.parameter.numpy(), precision, rows)
        place.parameter.set_value(widened(value, scale))
        names = [f"weight_{number}"] + [f"scale_{number}"] * (scale is not None)
        for name, array in zip(names, (value, scale)):
            graph.register_buffer(name, paddle.to_tensor(array))
        place.hold(place.parameter)
        kept.append((place, names))

    def widen() -> None:
        for place, names in kept:
            value, *scale = (getattr(graph, name) for name in names)
            wide = value.astype("float32")
            place.hold(wide * scale[0] if scale else wide)

    object.__setattr__(graph, "widen", paddle.jit.not_to_static(widen))
    try:
        yield
    finally:
        del graph.widen
        for place, names in kept:
            place.restore()
            for name in names:
                del graph._buffers[name]


def _places(graph: Graph) -> list[_Place]:
    return [
        _Place(layer, name)
        for layer in graph.sublayers()
        for name, value in layer._parameters.items()
        if value is not None and len(value.shape) > 1
    ]
