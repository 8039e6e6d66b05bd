"""Holding what was written to what the package computes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vsepp.captioning.decoding import decode
from vsepp.captioning.model import CaptionModel
from vsepp.export.formats import Run
from vsepp.export.probes import Probe, wrong_rows
from vsepp.system.errors import InputError

TOLERANCE = 1e-5


def deviation(got: Sequence[np.ndarray], wanted: Sequence[np.ndarray]) -> float:
    """The largest difference, relative to the largest number where that is above 1.

    Infinite where shapes or types differ, or something is NaN.
    """
    worst = 0.0
    for one, other in zip(got, wanted):
        if one.shape != other.shape or one.dtype != other.dtype:
            return float("inf")
        if not one.size:
            continue
        value = float(np.abs(one - other).max() / max(1.0, np.abs(other).max()))
        worst = max(worst, value if np.isfinite(value) else float("inf"))
    return worst if len(got) == len(wanted) else float("inf")


def deviations(
    run: Run, probes: Sequence[Probe], wanted: Sequence[Sequence[np.ndarray]]
) -> dict[str, float]:
    """The largest deviation of what was written, of made and of real input."""
    worst: dict[str, float] = {}
    for probe, answer in zip(probes, wanted):
        value = deviation(run(*probe.inputs), answer)
        worst[probe.kind] = max(worst.get(probe.kind, 0.0), value)
    return worst


def refuses_wrong_rows(run: Run, words: int) -> bool:
    """Whether captions with wrong lengths or indices have NaN for codes, and others have not."""
    captions, lengths, right = wrong_rows(words)
    finite = np.isfinite(run(captions, lengths)[0])
    return finite.all(axis=1).tolist() == right and finite.any(axis=1).tolist() == right


class ExportedStep:
    """:class:`vsepp.models.decoders.DecoderStep` of what was written.

    Args:
        run: of ``step``.
        cells, states: what ``image`` gave.
    """

    def __init__(self, run: Run, cells: np.ndarray, states: np.ndarray) -> None:
        self._run, self._cells, self._states = run, cells, states

    def start(self) -> np.ndarray:
        return self._states

    def __call__(
        self, words: np.ndarray, states: np.ndarray, images: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        log_probs, states, attention = self._run(words, states, self._cells[images])
        return log_probs, states, attention


def check_sentences(
    model: CaptionModel, image: Run, step: Run, inputs: np.ndarray, cells: np.ndarray
) -> None:
    """InputError unless what was written makes the package's sentences of photographs.

    Args:
        inputs: of ``image``.
        cells: the package's, of the same photographs.
    """
    count, decoding = len(inputs), model.decoding()
    ours = decode(model.decoder.stepper(cells), count, model.vocabulary, decoding)
    theirs = decode(ExportedStep(step, *image(inputs)), count, model.vocabulary, decoding)
    if [made[0].words for made in ours] != [made[0].words for made in theirs]:
        raise InputError(
            "the export writes other sentences than the package, so it was not kept: report it "
            "with the checkpoint's configuration."
        )
