"""What of a model is exported: its graphs, each with what it is tried with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Union

import numpy as np

from vsepp.captioning.model import CaptionModel
from vsepp.export.graphs import CellGraph, Graph, ImageGraph, StepGraph, TextGraph
from vsepp.export.probes import Probe, RealInput, image_probes, step_probes, text_probes
from vsepp.retrieval.model import RetrievalModel

Model = Union[RetrievalModel, CaptionModel]


@dataclass(frozen=True)
class Part:
    """A graph.

    Attributes:
        graph: what is written.
        probes: what it is tried with.
        words: of a text encoder, rows of its table; else 0.
    """

    graph: Graph
    probes: list[Probe]
    words: int = 0


def parts_of(model: Model, real: RealInput | None) -> list[Part]:
    """The parts of a model.

    Raises:
        InputError: when its checkpoint holds no backbone.
    """
    if isinstance(model, CaptionModel):
        return _captioner(model, real)
    model.config = replace(model.config, backbone_precision="float32")
    model.check_backbone()
    size, network = model.preprocessing.image_size, model.image_extractor
    image = ImageGraph(network, size, model.config.test_flip)
    words, longest = table_of(model)

    def codes(pixels: np.ndarray) -> list[np.ndarray]:
        return [model.encode_cropped(pixels, len(pixels))]

    return [
        Part(image, list(image_probes(model, codes, real))),
        Part(
            TextGraph(model.text_extractor, words, longest),
            list(text_probes(model, words, longest, real)),
            words,
        ),
    ]


def table_of(model: RetrievalModel) -> tuple[int, int | None]:
    """Rows of a text encoder's table, and the columns that it can take, None for any number."""
    reader: Any = model.reader
    if hasattr(reader, "vocabulary"):
        return len(reader.vocabulary), None
    return reader.size, reader.longest


def cells_of(model: CaptionModel) -> Callable[[np.ndarray], list[np.ndarray]]:
    """A function from uint8 ``[n, size, size, 3]`` to cells and first states, by the package."""
    images = model._images
    images.config = replace(images.config, backbone_precision="float32")
    images.check_backbone()

    def cells(pixels: np.ndarray) -> list[np.ndarray]:
        found = images.encode_cropped(pixels, len(pixels))
        return [found, model.decoder.stepper(found).start()]

    return cells


def _captioner(model: CaptionModel, real: RealInput | None) -> list[Part]:
    answer = cells_of(model)
    image = CellGraph(model.image_extractor, model.decoder, model.preprocessing.image_size)
    probes = list(image_probes(model, answer, real))
    step = StepGraph(model.decoder)
    cells = probes[-1].answer()[0]
    return [Part(image, probes), Part(step, list(step_probes(model, cells)))]
