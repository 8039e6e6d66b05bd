"""Labels for many photographs, as ``RetrievalModel.classify`` gives them for one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from vsepp.data.batches import in_groups
from vsepp.data.images import map_images
from vsepp.metrics.similarity import MEASURES
from vsepp.retrieval.model import RetrievalModel
from vsepp.retrieval.photographs import MANY_IMAGES
from vsepp.retrieval.prompts import TEMPLATE, prompts
from vsepp.system.errors import InputError
from vsepp.system.progress import progress

_BATCH = 16


def classify_files(
    model: RetrievalModel,
    paths: Sequence[str],
    labels: Sequence[str],
    template: str = TEMPLATE,
    quiet: bool = True,
) -> Iterator[tuple[str, np.ndarray | InputError]]:
    """Probabilities of labels for files of photographs, one photograph after the other.

    They are those of ``model.classify``: to the bit for fewer than 64 photographs; from there on
    the network is prepared to run faster, which rounds otherwise.

    Args:
        model: encodes the photographs, and the labels' sentences once.
        paths: the files.
        labels: words or phrases, each once.
        template: see ``vsepp.retrieval.prompts.prompts``.
        quiet: show no progress bar.

    Yields:
        (path, float64 ``[n_labels]`` in the order of the labels, or the error of a file that
        cannot be decoded)

    Raises:
        InputError: when the checkpoint holds no backbone, for a template without one ``{}``, or a
            label without a single known word.
    """
    model.check_backbone()
    texts = model.encode_text(prompts(labels, template))
    score = MEASURES[model.measure].block
    for path, code in _codes(model, paths, quiet):
        if isinstance(code, InputError):
            yield path, code
        else:  # row by row: a product of many rounds otherwise
            yield path, model.probabilities(score(code[None], texts)[0])


def _codes(
    model: RetrievalModel, paths: Sequence[str], quiet: bool
) -> Iterator[tuple[str, np.ndarray | InputError]]:
    def read(path: str) -> np.ndarray | InputError:
        try:
            return model.pixels(path)
        except InputError as error:
            return error

    shown = progress(
        map_images(read, paths), "photographs", len(paths), "image", disable=quiet or None
    )
    # Where one photograph takes the network as long as a batch of them, they go together.
    alone = len(paths) == 1 or len(paths) < MANY_IMAGES and model.precision == "float32"
    for group in in_groups(zip(paths, shown), 1 if alone else _BATCH):
        ready = [pixels for _, pixels in group if isinstance(pixels, np.ndarray)]
        codes = iter(())
        if ready:
            codes = iter(
                model.encode_cropped(ready, 1) if alone else model.encode_pixels(np.stack(ready))
            )
        for path, pixels in group:
            yield path, next(codes) if isinstance(pixels, np.ndarray) else pixels
