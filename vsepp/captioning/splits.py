"""Sentences for the images of a split."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, TypeVar

import numpy as np
import paddle

from vsepp.captioning.decoded import DecodedCaption
from vsepp.captioning.decoding import decode
from vsepp.captioning.options import Decoding
from vsepp.data.batches import in_groups
from vsepp.data.dataset import CaptionDataset
from vsepp.data.images import map_images
from vsepp.data.stored.halves import stack_float32
from vsepp.models.caption_decoders.word_decoder import WordDecoder
from vsepp.models.captioner import Captioner
from vsepp.models.device import memory_errors_explained
from vsepp.models.ranks import ALONE, Alone
from vsepp.models.twins import compute
from vsepp.retrieval.encoding import evaluation_mode
from vsepp.system.progress import progress
from vsepp.text.vocabulary import Vocabulary

IMAGES = 64  # whose cells are held at a time

Thing = TypeVar("Thing")


def in_grouped_images(images: Iterable[Thing], count: int, quiet: bool) -> Iterator[list[Thing]]:
    """Images in lists of :data:`IMAGES`, with a bar unless ``quiet``."""
    return in_groups(progress(images, "captioning", count, "image", disable=quiet or None), IMAGES)


def caption_cells(
    batches: Iterable[np.ndarray],
    decoder: WordDecoder,
    vocabulary: Vocabulary,
    decoding: Decoding,
    attention: bool = False,
    numbers: Sequence[int] | None = None,
) -> Iterator[list[DecodedCaption]]:
    """Sentences for images that come batch by batch as cells, ``[n, cells, cell_size]``.

    Sampling draws by an image's place among all of them: by ``numbers``, where these are some.

    Yields:
        of each image its captions, best first
    """
    first = 0
    for cells in batches:
        places = range(first, first + len(cells))
        own = places if numbers is None else [numbers[place] for place in places]
        step = decoder.stepper(cells)
        yield from decode(step, len(cells), vocabulary, decoding, attention, own)
        first += len(cells)


def caption_images(
    model: Captioner,
    dataset: CaptionDataset,
    vocabulary: Vocabulary,
    decoding: Decoding,
    quiet: bool = True,
    ranks: Alone = ALONE,
) -> list[list[DecodedCaption]]:
    """Sentences for the images of a ``CaptionDataset``, as it gives them.

    Args:
        model: the captioner, which is left in the mode it was found in.
        vocabulary: its words.
        decoding: how sentences are chosen.
        quiet: show no progress bar.
        ranks: that share the images; all of them have all sentences in the end.

    Returns:
        of each image its captions, best first
    """
    count = len(dataset.images)
    own = ranks.own(list(in_groups(range(count), IMAGES)))
    numbers = list(chain.from_iterable(own))

    def batches() -> Iterator[np.ndarray]:
        rows = map_images(dataset.image, numbers)
        for group in in_grouped_images(rows, len(numbers), quiet):
            with memory_errors_explained():
                yield cells_of(model, stack_float32(group))

    with evaluation_mode(model):
        made = list(caption_cells(batches(), model.decoder, vocabulary, decoding, numbers=numbers))
    return made if ranks.count == 1 else _of_all(made, numbers, ranks)


def _of_all(
    made: Sequence[Sequence[DecodedCaption]], numbers: Sequence[int], ranks: Alone
) -> list[list[DecodedCaption]]:
    """The sentences that the ranks made, each for some images, in the order of the images."""
    told: list[Any] = [
        [(each.words, each.log_probability, each.score, each.ended) for each in captions]
        for captions in made
    ]
    pairs = sorted(chain.from_iterable(ranks.all(list(zip(numbers, told)))))  # no number twice
    return [
        [DecodedCaption(tuple(words), *rest) for words, *rest in captions] for _, captions in pairs
    ]


def cells_of(model: Captioner, images: np.ndarray) -> np.ndarray:
    """What the decoder attends to: float32 ``[images, cells, cell_size]``.

    Args:
        images: what the image extractor takes.
    """
    with paddle.no_grad():
        return compute(model.image_extractor, paddle.to_tensor(images)).numpy()
