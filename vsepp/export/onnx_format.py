"""ONNX: ``NAME.onnx``, which ONNX Runtime and most others run."""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import paddle

from vsepp.export.graphs import Graph
from vsepp.export.paddle_format import WEIGHTS, write_paddle
from vsepp.export.silence import unheard
from vsepp.system.atomic import naming, write_all
from vsepp.system.errors import InputError
from vsepp.system.threads import cpu_count

OPSET = 17  # the first with a node for the norms of a transformer
PACKAGES = ("paddle2onnx", "onnx", "onnxruntime")
_MOST_BYTES = 2**31 - 1  # of one file of ONNX


def check_packages() -> None:
    """InputError where a package is missing that ONNX needs."""
    if int(paddle.__version__.split(".")[0]) < 3:
        raise InputError(
            f"--format onnx needs PaddlePaddle 3, and this is {paddle.__version__}: take --format "
            "paddle, or install Paddle 3."
        )
    for name in PACKAGES:
        try:
            importlib.import_module(name)
        except ImportError:
            raise InputError(
                f'--format onnx needs the package {name}: run `pip install "vsepp[export]"`, or '
                f"`pip install {' '.join(PACKAGES)}`."
            ) from None


def write_onnx(graph: Graph, path: Path) -> Path:
    """Write a graph's file, by way of Paddle's format; returns it.

    Args:
        graph: in evaluation mode.
        path: of the file, without what it ends in.

    Raises:
        OSError: where there is no room.
        InputError: where paddle2onnx does not know what the graph is made of, or the file would
            be larger than such a file can be.
    """
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".paddle-") as folder:
        program = write_paddle(graph, Path(folder) / path.name)
        content = _converted(program, path.name)
    model = _mended(content)
    data = model.SerializeToString()
    file = path.with_name(f"{path.name}.onnx")
    with naming(file), open(file, "wb", buffering=0) as target:
        write_all(target, data)
    return file


def _converted(program: Path, name: str) -> bytes:
    """What paddle2onnx makes of a program."""
    import paddle2onnx

    weights = program.with_name(program.stem + WEIGHTS)
    if weights.stat().st_size > _MOST_BYTES:
        raise InputError(
            f"{name}: a file of ONNX holds 2 GiB, and the weights have more: take --format paddle, "
            "or --precision float16."
        )
    content: Any = None
    with unheard() as said:
        try:  # 'None': it would install packages by itself
            content = paddle2onnx.export(
                str(program), str(weights), opset_version=OPSET, optimize_tool="None"
            )
        except (Exception, SystemExit):  # it leaves the process where it cannot go on
            content = None
    if not isinstance(content, bytes):
        raise InputError(
            f"paddle2onnx {paddle2onnx.__version__} cannot convert {name} ({_reason(said)}): take "
            "--format paddle, or another version of it."
        )
    return content


def _reason(said: list[str]) -> str:
    wrong = [line for line in said if "error" in line.lower() or "not supported" in line.lower()]
    return " ".join((wrong or said or ["it says nothing"])[-1].split())[:200]


def _mended(content: bytes) -> Any:
    """A model as it should have been converted.

    paddle2onnx hands a GRU no lengths: short captions of a batch would be read to the end of the
    longest, and have other codes without a word.
    """
    import onnx
    from onnx import helper, numpy_helper

    model = onnx.load_from_string(content)
    graph = model.graph
    grus = [node for node in graph.node if node.op_type == "GRU"]
    if grus and any(each.name == "lengths" for each in graph.input):
        constants = {"gru_one": np.array([1], np.int32), "gru_axis": np.array([1], np.int64)}
        graph.initializer.extend(
            numpy_helper.from_array(value, name) for name, value in constants.items()
        )
        made = [
            ("Shape", ["captions"], "gru_shape"),
            ("Gather", ["gru_shape", "gru_axis"], "gru_columns"),
            ("Cast", ["gru_columns"], "gru_time"),
            ("Cast", ["lengths"], "gru_given"),
            ("Max", ["gru_given", "gru_one"], "gru_least"),
            ("Min", ["gru_least", "gru_time"], "gru_lengths"),
        ]
        for place, (kind, inputs, output) in enumerate(made):
            to = {"to": onnx.TensorProto.INT32} if kind == "Cast" else {}
            graph.node.insert(place, helper.make_node(kind, inputs, [output], output, **to))
        for node in grus:
            inputs = [*node.input, *[""] * (6 - len(node.input))]
            inputs[4] = "gru_lengths"
            node.ClearField("input")
            node.input.extend(inputs)
    used = {name for node in graph.node for name in node.input}
    unused = [each for each in graph.initializer if each.name not in used]
    for each in unused:  # of which ONNX Runtime would say so at every start
        graph.initializer.remove(each)
    model.producer_name = "vsepp, paddle2onnx"
    onnx.checker.check_model(model)
    return model


def run_onnx(path: Path, names: Iterable[str]) -> Callable[..., list[np.ndarray]]:
    """A function from the inputs, in order, to the outputs, through ONNX Runtime.

    Args:
        path: as :func:`write_onnx` takes it.
        names: of the inputs.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = cpu_count()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        str(path) + ".onnx", options, providers=["CPUExecutionProvider"]
    )
    names = list(names)

    def run(*arrays: np.ndarray) -> list[np.ndarray]:
        return session.run(None, dict(zip(names, arrays)))

    return run
