"""The formats by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from vsepp.export.graphs import Graph
from vsepp.export.onnx_format import PACKAGES, check_packages, run_onnx, write_onnx
from vsepp.export.paddle_format import run_paddle, write_paddle

Run = Callable[..., "list[np.ndarray]"]


@dataclass(frozen=True)
class Format:
    """How graphs are written and run.

    Attributes:
        check: InputError where something is missing that it needs.
        write: a graph to a path without what it ends in.
        ways: functions of such a path and the names of the inputs that give a :data:`Run`, the
            fastest first, each with what ``inference.yml`` says of it.
        packages: of which ``inference.yml`` says the versions.
    """

    check: Callable[[], None]
    write: Callable[[Graph, Path], Path]
    ways: Callable[[Graph], list[tuple[dict, Callable[[Path], Run]]]]
    packages: tuple[str, ...] = ()


def _paddle_ways(graph: Graph) -> list[tuple[dict, Callable[[Path], Run]]]:
    # of convolutions oneDNN makes several times as many; short rows of words gain nothing by it
    choices = (True, False) if graph.name == "image" else (False,)
    names = list(graph.takes)
    return [
        ({"onednn": onednn}, partial(run_paddle, names=names, onednn=onednn)) for onednn in choices
    ]


FORMATS = {
    "paddle": Format(lambda: None, write_paddle, _paddle_ways),
    "onnx": Format(
        check_packages,
        write_onnx,
        lambda graph: [({}, partial(run_onnx, names=list(graph.takes)))],
        PACKAGES,
    ),
}
