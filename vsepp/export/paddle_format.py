"""Paddle's own format: ``NAME.json`` (Paddle 2: ``NAME.pdmodel``) and ``NAME.pdiparams``."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import paddle

from vsepp.export.graphs import Graph
from vsepp.models.twins.predictor import LOGGED_IN_VAIN, check_room
from vsepp.system.passed_lines import without_lines
from vsepp.system.signals import held_back
from vsepp.system.threads import cpu_count

PROGRAMS = (".json", ".pdmodel")
WEIGHTS = ".pdiparams"


def write_paddle(graph: Graph, path: Path) -> Path:
    """Write a graph's two files; returns that of the program.

    Args:
        graph: in evaluation mode.
        path: of both, without what they end in.

    Raises:
        OSError: where there is no room.
    """
    graph.eval()
    specs = [
        paddle.static.InputSpec(list(shape), kind, name)
        for name, (shape, kind) in graph.takes.items()
    ]
    check_room(str(path), graph)
    with held_back(), contextlib.redirect_stdout(io.StringIO()), without_lines(LOGGED_IN_VAIN):
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # of attributes that a tensor has only while it has values
            paddle.jit.save(graph, str(path), input_spec=specs)
    Path(f"{path}{WEIGHTS}.info").unlink(missing_ok=True)  # of Paddle 2, for further training
    return program_of(path)


def program_of(path: Path) -> Path:
    """The file of the program that was written at ``path``."""
    files = [path.with_name(path.name + kind) for kind in PROGRAMS]
    return next(file for file in files if file.exists())


def run_paddle(
    path: Path, names: Iterable[str], onednn: bool = False
) -> Callable[..., list[np.ndarray]]:
    """A function from the inputs, in order, to the outputs, through Paddle Inference.

    Args:
        path: as :func:`write_paddle` takes it.
        names: of the inputs.
        onednn: compute with oneDNN: several times as fast for convolutions, and wrong for some
            others, such as the weights of ``gpo``.
    """
    from paddle import inference

    config = inference.Config(str(program_of(path)), str(path) + WEIGHTS)
    config.disable_gpu()
    if onednn:
        config.enable_mkldnn()
    elif hasattr(config, "disable_mkldnn"):  # of Paddle 3, which has it on by itself
        config.disable_mkldnn()
    config.set_cpu_math_library_num_threads(cpu_count())
    config.disable_glog_info()
    with held_back():
        predictor = inference.create_predictor(config)
    inputs = [predictor.get_input_handle(name) for name in names]
    outputs = [predictor.get_output_handle(name) for name in predictor.get_output_names()]

    def run(*arrays: np.ndarray) -> list[np.ndarray]:
        for handle, array in zip(inputs, arrays):
            handle.copy_from_cpu(np.ascontiguousarray(array))
        predictor.run()
        return [handle.copy_to_cpu() for handle in outputs]

    return run
