"""What an export is tried with: made input and real, each with the package's own answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, List, NamedTuple, Tuple

import numpy as np

from vsepp.captioning.model import CaptionModel
from vsepp.data.padding import padded
from vsepp.data.transforms import normalize
from vsepp.retrieval.model import RetrievalModel

_EVERY = 128  # the lengths up to here are all tried, beyond it every sixteenth
_LONGEST = 64  # of the made captions of an encoder that reads any length
_BATCHES = (1, 2, 3, 8, 64)
_DISTINCT = 8  # made photographs; larger batches repeat them


@dataclass(frozen=True)
class RealInput:
    """What people would ask.

    Attributes:
        sentences: as they were written.
        photographs: as the model sees them, uint8 ``[size, size, 3]``.
        source: where they are from, in words.
    """

    sentences: Sequence[str]
    photographs: Sequence[np.ndarray]
    source: str


class Probe(NamedTuple):
    """An input and what should come out.

    Attributes:
        inputs: of the graph, in order.
        answer: asks the package: its outputs, in order.
        kind: ``made`` or ``real``.
    """

    inputs: Tuple[np.ndarray, ...]
    answer: Callable[[], List[np.ndarray]]
    kind: str = "made"


def lengths_tried(longest: int) -> list[int]:
    """1 to the longest, beyond 128 every sixteenth; the longest is always among them."""
    return sorted({*range(1, min(longest, _EVERY) + 1), *range(_EVERY, longest, 16), longest})


def image_probes(
    model: Any, answer: Callable[[np.ndarray], list[np.ndarray]], real: RealInput | None
) -> Iterator[Probe]:
    """Probes of photographs, in batches of 1 to 64.

    Args:
        model: with a ``preprocessing``.
        answer: asks the package about uint8 ``[n, size, size, 3]``.
    """
    steps = model.preprocessing
    shape = (_DISTINCT, steps.image_size, steps.image_size, 3)
    made = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    kinds = {"made": made}
    if real and len(real.photographs):
        kinds["real"] = np.stack(list(real.photographs))
    for kind, pixels in kinds.items():
        images = normalize(pixels, steps.mean, steps.std)
        for size in _BATCHES if kind == "made" else (len(pixels),):
            rows = np.arange(size) % len(pixels)

            def answers(pixels: np.ndarray = pixels, rows: np.ndarray = rows) -> list[np.ndarray]:
                return [each[rows] for each in answer(pixels)]

            yield Probe((images[rows],), answers, kind)


def text_probes(
    model: RetrievalModel, words: int, longest: int | None, real: RealInput | None
) -> Iterator[Probe]:
    """Probes of captions: every length, batches of 1 to 64, columns beyond the longest.

    Args:
        words: rows of the encoder's table.
        longest: columns that it can take; None: any number.
    """
    generator = np.random.default_rng(0)
    reader: Any = model.reader
    rows = model.reader.indices(list(real.sentences)) if real and real.sentences else []
    most = longest or max(_LONGEST, model.config.max_len + 2, *map(len, rows or [[0]]))

    def made(length: int) -> list[int]:
        caption = generator.integers(0, words, length)
        if hasattr(reader, "start"):  # which stand where a sentence begins and ends, alone
            caption[caption == reader.end] = reader.start
            caption[0], caption[-1] = reader.start, reader.end
        return caption.tolist()

    def probe(captions: list[list[int]], more: int = 0, kind: str = "made") -> Probe:
        width = min(most, max(map(len, captions)) + more)
        grid, lengths = padded(captions, width, getattr(reader, "padding", 0))
        return Probe((grid, lengths), lambda: [model.encode_indices(captions)], kind)

    lengths = lengths_tried(most)
    for place in range(0, len(lengths), 16):
        yield probe([made(length) for length in lengths[place : place + 16]])
    for more, size in enumerate(_BATCHES):
        short = generator.integers(1, min(most, 32) + 1, size)
        yield probe([made(length) for length in short], more)
    for place in range(0, len(rows), 16):
        yield probe(rows[place : place + 16], kind="real")


def wrong_rows(words: int) -> tuple[np.ndarray, np.ndarray, list[bool]]:
    """Captions of which some have lengths or indices that there are none of: int64 ``[5, 4]``,
    int64 ``[5]``, and which are right."""
    captions = np.zeros((5, 4), np.int64)
    captions[1, 1], captions[2, 2] = words, -1
    return captions, np.array([2, 3, 3, 5, 0], np.int64), [True, False, False, False, False]


def step_probes(model: CaptionModel, cells: np.ndarray) -> Iterator[Probe]:
    """Probes of a decoder's step: rows of 1 to 64, from states as they come.

    Args:
        cells: float32 ``[images, cells, cell_size]``.
    """
    generator = np.random.default_rng(0)
    states = np.zeros((1, model.decoder.decoder_size), np.float32)
    for size in _BATCHES:
        words = generator.integers(0, len(model.vocabulary), size)
        images = np.arange(size) % len(cells)
        states = states[np.arange(size) % len(states)]

        def answer(
            words: np.ndarray = words, states: np.ndarray = states, images: np.ndarray = images
        ) -> list[np.ndarray]:
            return list(model.decoder.stepper(cells)(words, states, images))

        yield Probe((words, states, cells[images]), answer)
        states = answer()[1]
