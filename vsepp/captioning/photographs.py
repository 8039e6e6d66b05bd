"""Sentences for the files of photographs, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import List, Tuple, Union

import numpy as np

from vsepp.captioning.making import Maker
from vsepp.captioning.rows import KeptSentence
from vsepp.captioning.sentences import Sentence
from vsepp.data.batches import in_groups
from vsepp.data.images import map_images
from vsepp.system.errors import InputError
from vsepp.system.progress import progress

MANY = 64  # photographs from which on so many go together, and the network is prepared to run fast


def caption_files(
    maker: Maker, files: Sequence[str], together: int = 1, quiet: bool = True
) -> Iterator[Tuple[str, Union[Tuple[KeptSentence, ...], InputError]]]:
    """Sentences for files of photographs, turned as EXIF says.

    Args:
        maker: makes them.
        files: their names.
        together: how many are captioned at a time; alone, the sentences of one are the same to
            the bit whatever is beside it.
        quiet: show no progress bar.

    Yields:
        (file, its sentences or the error of one that cannot be decoded)
    """

    def read(file: str) -> Union[np.ndarray, InputError]:
        try:
            return maker.model.pixels(file)
        except InputError as error:
            return error

    with closing(map_images(read, files)) as decoded:
        shown = progress(
            decoded, "captioning photographs", len(files), "image", disable=quiet or not files
        )
        for group in in_groups(zip(files, shown), together):
            ready = [(file, each) for file, each in group if isinstance(each, np.ndarray)]
            made: Iterator[List[Tuple[Sentence, KeptSentence]]] = iter(())
            if ready:
                names, pixels = zip(*ready)
                made = iter(maker.answers(pixels, photographs=names))
            for file, each in group:
                if isinstance(each, InputError):
                    yield file, each
                else:
                    yield file, tuple(answer for _, answer in next(made))
