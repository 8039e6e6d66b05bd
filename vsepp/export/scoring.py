"""The scores of a split under what was written, beside the package's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vsepp.data.batches import in_batches
from vsepp.data.dataset import CaptionDataset
from vsepp.data.images import map_images
from vsepp.data.transforms import normalize
from vsepp.export.formats import Run
from vsepp.export.real_input import split_with_photographs
from vsepp.metrics.protocol import score
from vsepp.metrics.result import RetrievalResult
from vsepp.retrieval.encoding import BATCH, encode_in_order
from vsepp.retrieval.gallery import Gallery, open_gallery
from vsepp.retrieval.model import RetrievalModel
from vsepp.system.progress import progress

_IMAGES = 16
_AT = (1, 5, 10)


@dataclass(frozen=True)
class SplitScores:
    """Scores of a split by the package.

    Attributes:
        gallery: its codes by the package.
        result: its scores.
    """

    gallery: Gallery
    result: RetrievalResult


def package_scores(model: RetrievalModel, folder: Path, split: str) -> SplitScores:
    """The package's scores of a split; before an export, which may change the model's weights.

    Raises:
        InputError: where the split or its photographs are not there.
    """
    split_with_photographs(folder, split)
    gallery = open_gallery(model, folder, split)
    return SplitScores(gallery, score([gallery], models=[model]))


def exported_scores(
    model: RetrievalModel, runs: dict[str, Run], before: SplitScores, quiet: bool = False
) -> RetrievalResult:
    """The scores of the same split by what was written.

    Args:
        runs: functions that run ``image`` and ``text``.
    """
    dataset = before.gallery.dataset
    images = exported_images(model, runs["image"], dataset, quiet)
    text = runs["text"]
    texts = encode_in_order(lambda *batch: text(*batch)[0], dataset.captions, BATCH, quiet)
    gallery = Gallery(dataset, images, texts, model.measure)
    return score([gallery], models=[model])


def exported_images(
    model: RetrievalModel, run: Run, dataset: CaptionDataset, quiet: bool
) -> np.ndarray:
    """Codes of a split's photographs by what was written."""
    steps, count = model.preprocessing, len(dataset.images)
    crop = steps.center_crop()
    pixels = map_images(lambda number: crop(dataset.photograph(number)), range(count))
    bar = progress(pixels, "by the export", count, "image", disable=quiet or None)
    batches = in_batches(bar, _IMAGES)
    return np.concatenate([run(normalize(batch, steps.mean, steps.std))[0] for batch in batches])


def score_lines(ours: RetrievalResult, theirs: RetrievalResult) -> list[str]:
    """What an export costs, in words."""
    lines = []
    for title, way in (("image to text", "i2t"), ("text to image", "t2i")):
        pairs = [(k, ours.metrics[way][f"R@{k}"], theirs.metrics[way][f"R@{k}"]) for k in _AT]
        lines.append(
            f"{title}: " + ", ".join(f"R@{k} {one:.2f} → {other:.2f}" for k, one, other in pairs)
        )
    one, other = ours.metrics["rsum"], theirs.metrics["rsum"]
    lines.append(f"rsum: the package {one:.2f}, the export {other:.2f} ({other - one:+.2f})")
    return lines
