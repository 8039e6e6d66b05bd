"""A model ready for use, whatever its checkpoint is of."""

from __future__ import annotations

from pathlib import Path

from vsepp.captioning.model import CaptionModel
from vsepp.checkpoint import CAPTIONER, kind_of, read_header
from vsepp.retrieval.model import RetrievalModel


def load(checkpoint: str | Path) -> RetrievalModel | CaptionModel:
    """A model ready for use, from a checkpoint.

    Nothing but the checkpoint is read: ImageNet weights are neither looked for nor fetched.

    Args:
        checkpoint: a file that ``tools/train.py`` or ``tools/convert.py`` wrote.

    Returns:
        a ``RetrievalModel``, which encodes photographs and sentences, or of a captioner's
        checkpoint a ``CaptionModel``, which writes sentences for photographs.

    Raises:
        InputError: when it is missing, truncated, of another program, or a pickle.
    """
    captions = kind_of(read_header(checkpoint)) == CAPTIONER
    return (CaptionModel if captions else RetrievalModel)(checkpoint)
