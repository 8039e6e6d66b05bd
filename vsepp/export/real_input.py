"""Photographs and sentences of a prepared data set, to try an export with."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from vsepp.data.dataset import CaptionDataset, open_dataset
from vsepp.data.prepared import Prepared
from vsepp.data.splits import split_file
from vsepp.export.parts import Model
from vsepp.export.probes import RealInput
from vsepp.retrieval.model import RetrievalModel
from vsepp.system.counts import counted
from vsepp.system.errors import InputError

_SPLITS = ("test", "val", "train")
_PHOTOGRAPHS, _SENTENCES = 8, 64


def real_input(model: Model, folder: Path) -> RealInput | None:
    """The first few of a data set's test split, or of another; None where none is prepared.

    A sentence without a word that the model knows is passed over.

    Args:
        folder: of the data set.

    Raises:
        InputError: for a data set, or a photograph of it, that cannot be read.
    """
    split = next((name for name in _SPLITS if split_file(folder, name).exists()), None)
    if split is None:
        return None
    prepared = Prepared(folder)
    dataset = open_dataset(prepared, split)
    sentences: list[str] = []
    if isinstance(model, RetrievalModel):
        known = filter(model.reader.knows_some, dataset.sentences())
        sentences = [sentence for _, sentence in zip(range(_SENTENCES), known)]
    crop = model.preprocessing.center_crop()
    there = _photographs(dataset, prepared)
    photographs = [crop(dataset.photograph(number)) for number in islice(there, _PHOTOGRAPHS)]
    found = [counted(len(photographs), "photograph"), counted(len(sentences), "sentence")]
    return RealInput(sentences, photographs, f"{' and '.join(found)} of {folder.name}'s {split}")


def _photographs(dataset: CaptionDataset, prepared: Prepared) -> Iterator[int]:
    """Numbers of the images of a split that are there to be looked at."""
    if prepared.features is None:
        for number in range(len(dataset.images)):
            if dataset.image_path(number).exists():
                yield number


def split_with_photographs(folder: Path, split: str) -> CaptionDataset:
    """A split to score an export on; InputError where photographs of it are not there."""
    prepared = Prepared(folder)
    dataset = open_dataset(prepared, split)
    there = sum(1 for _ in _photographs(dataset, prepared))
    if there < len(dataset.images):
        raise InputError(
            f"{folder} has {there} of the {len(dataset.images)} photographs of its {split} split "
            "for the export to look at: give another data set, or leave --split out."
        )
    return dataset
