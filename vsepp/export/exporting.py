"""Writing a model for other programs, checked, and whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import paddle

from vsepp.captioning.model import CaptionModel
from vsepp.export.checking import (
    TOLERANCE,
    check_sentences,
    deviation,
    deviations,
    refuses_wrong_rows,
)
from vsepp.export.description import TOKENIZER, description, write_description
from vsepp.export.folder import alone, check_folder, standing
from vsepp.export.formats import FORMATS, Format, Run
from vsepp.export.narrow_weights import PRECISIONS, in_precision
from vsepp.export.parts import Model, Part, parts_of
from vsepp.export.probes import RealInput
from vsepp.export.silence import unheard
from vsepp.system.errors import InputError


@dataclass
class Exported:
    """What was written.

    Attributes:
        lines: for who called it: what was checked, and what was found.
        runs: functions that run the graphs, by name.
    """

    lines: list[str] = field(default_factory=list)
    runs: dict[str, Run] = field(default_factory=dict)


def check_request(out: Path, format_name: str, precision: str, force: bool) -> None:
    """InputError for what cannot be done, before anything is computed.

    Args: as of :func:`export_model`.
    """
    for key, value, known in (
        ("format", format_name, FORMATS),
        ("precision", precision, PRECISIONS),
    ):
        if value not in tuple(known):
            raise InputError(f"--{key} {value}: there is none; take {' or '.join(known)}.")
    FORMATS[format_name].check()
    check_folder(out, force)


def export_model(
    model: Model,
    out: str | Path,
    format_name: str = "paddle",
    precision: str = "float32",
    force: bool = False,
    real: RealInput | None = None,
    before_it_stands: Callable[[Exported], None] = lambda exported: None,
) -> Exported:
    """Write a model's graphs and ``inference.yml`` to a folder.

    Each graph is run and held to the package first. The model is not to be used afterwards where
    the precision is not float32: its weights are then those that were written.

    Args:
        model: as ``vsepp.load`` gives it.
        out: the folder.
        format_name: ``paddle`` or ``onnx``.
        precision: that weights are kept in: ``float32``, ``float16`` or ``int8``. It is computed
            in float32.
        force: replace an export that stands there.
        real: what it is checked with, besides made input.
        before_it_stands: called with what was written, last of all; its lines join the others.

    Raises:
        InputError: for a folder that holds something, an unknown format, a missing package, a
            checkpoint without a backbone, or an export that does not compute what the model does.
        OSError: naming the folder, where it cannot be written.
    """
    out = Path(os.path.abspath(out))
    with alone(out):
        check_request(out, format_name, precision, force)
        return _exported(model, out, format_name, precision, real, before_it_stands)


def _exported(
    model: Model,
    out: Path,
    format_name: str,
    precision: str,
    real: RealInput | None,
    before_it_stands: Callable[[Exported], None],
) -> Exported:
    parts = parts_of(model, real)
    exported = Exported()
    for part in parts:
        part.graph.eval()
    with paddle.no_grad():  # of all, since graphs share weights, and rounding changes them for good
        before = [[probe.answer() for probe in part.probes] for part in parts]
    with standing(out) as folder:
        kind = FORMATS[format_name]
        checked: dict[str, Any] = {"tolerance": TOLERANCE, "largest_deviation": {}}
        ways: dict[str, dict[str, Any]] = {}
        for part, unrounded in zip(parts, before):
            name = part.graph.name
            run, ways[name], found, change = _written(
                part, folder / name, kind, precision, unrounded
            )
            exported.runs[name] = run
            checked["largest_deviation"][name] = found
            exported.lines.append(_line(name, found, len(part.probes)))
            if change is not None:
                checked.setdefault(f"change_by_{precision}", {})[name] = change
                exported.lines.append(
                    f"{name}: weights in {precision} change its results by at most {change:.1e}"
                )
        if isinstance(model, CaptionModel) and real and len(real.photographs):
            _check_captions(model, parts, exported)
        if real:
            checked["real_input"] = real.source
        reader: Any = getattr(model, "reader", None)
        if hasattr(reader, "definition"):
            (folder / TOKENIZER).write_text(reader.definition, encoding="utf-8")
        graphs = {part.graph.name: part.graph for part in parts}
        record = description(model, precision, graphs, ways, checked, kind.packages)
        before_it_stands(exported)
        write_description(folder, record, format_name)
    return exported


def _written(
    part: Part, path: Path, kind: Format, precision: str, before: list[list[np.ndarray]]
) -> tuple[Run, dict[str, Any], dict[str, float], float | None]:
    """Write and check a graph: a function that runs it, how, how far it is off, and how far the
    precision moved it."""
    graph = part.graph
    with paddle.no_grad():
        with in_precision(graph, precision):
            kind.write(graph, path)
        wanted, change = before, None
        if precision != "float32":
            wanted = [probe.answer() for probe in part.probes]
            change = max(map(deviation, before, wanted))
    for said, opened in kind.ways(graph):
        with unheard():  # of Paddle, that an average is not for oneDNN
            run = opened(path)
            found = deviations(run, part.probes, wanted)
        right = max(found.values()) <= TOLERANCE
        if right and (not part.words or refuses_wrong_rows(run, part.words)):
            return run, said, found, change
    raise InputError(
        f"the export's {graph.name} differs from the package by {max(found.values()):.1e}, more "
        f"than {TOLERANCE:.0e}, so it was not kept: take another --format, or another version of "
        "what writes it."
    )


def _check_captions(model: CaptionModel, parts: list[Part], exported: Exported) -> None:
    """Sentences of the real photographs, as the package decodes them."""
    (inputs, *_), answer, _ = next(probe for probe in parts[0].probes if probe.kind == "real")
    image, step = exported.runs["image"], exported.runs["step"]
    check_sentences(model, image, step, inputs, answer()[0])
    exported.lines.append(f"step: the sentences of {len(inputs)} photographs are the package's")


def _line(name: str, found: dict[str, float], probes: int) -> str:
    values = ", ".join(f"{value:.1e} on {kind} input" for kind, value in found.items())
    return f"{name}: at most {values} off the package ({probes} batches)"
