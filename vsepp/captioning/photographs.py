"""Sentences for the files of photographs, one after the other."""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Tuple, Union

import numpy as np

from vsepp.captioning.interface import Captioner, Sentence
from vsepp.captioning.options import Decoding
from vsepp.captioning.reranking import rerank
from vsepp.captioning.rows import DIGITS, Answer
from vsepp.data.batches import in_groups
from vsepp.data.images import map_images
from vsepp.system.errors import InputError
from vsepp.system.progress import progress

_BATCH = 16


@dataclass(frozen=True)
class Maker:
    """What makes sentences, and how.

    Attributes:
        model: the captioner.
        decoding: its options; where sentences are chosen among several, ``captions`` are the
            candidates.
        keep: sentences of each photograph, at most.
        chooser: the retrieval model that chooses them among the candidates, or None.
    """

    model: Captioner
    decoding: Decoding
    keep: int
    chooser: Optional[Any] = None

    def origin(self) -> Dict[str, Any]:
        """What the sentences depend on, by the names of the options."""
        plain = Decoding(sample=self.decoding.sample)
        options = {
            name.replace("_", "-"): value
            for name, value in dataclasses.asdict(self.decoding).items()
            if name in ("beam", "captions") or value != getattr(plain, name)
        }
        options["captions"] = self.keep
        if self.chooser is not None:
            options["candidates"] = self.decoding.captions
            options["rerank"] = f"a model of fingerprint {self.chooser.fingerprint[:12]}"
        return {"checkpoint": f"of fingerprint {self.model.fingerprint[:12]}", **options}

    def answers(
        self,
        pixels: Sequence[np.ndarray],
        attention: bool = False,
        photographs: Optional[Sequence[Any]] = None,
        exif: bool = True,
    ) -> List[List[Tuple[Sentence, Answer]]]:
        """Sentences, best first, of photographs that the captioner's ``pixels`` has made ready.

        Args:
            pixels: uint8 ``[size, size, 3]`` each.
            attention: keep where each word looked.
            photographs: the same as files, which the retrieval model opens, where there is one.
            exif: whether it turns them.
        """
        numbers = None
        if self.decoding.sample:  # draws go by the photograph, whatever it comes with
            numbers = [zlib.crc32(np.ascontiguousarray(each).data.cast("B")) for each in pixels]
        found = list(self.model.captions_of(pixels, self.decoding, attention, numbers))
        if self.chooser is None:
            return [[(made, _answer(made, None)) for made in of[: self.keep]] for of in found]
        codes = self.chooser.encode_image(list(photographs or ()), exif=exif)
        return [
            [(made, _answer(made, similarity)) for made, similarity in of]
            for of in rerank(self.chooser, codes, found, self.keep)
        ]


def _answer(made: Sentence, similarity: Optional[float]) -> Answer:
    rounded = None if similarity is None else round(float(similarity), DIGITS)
    return Answer(made.sentence, round(float(made.log_probability), DIGITS), rounded)


def caption_files(
    maker: Maker, files: Sequence[str], quiet: bool = True
) -> Iterator[Tuple[str, Union[Tuple[Answer, ...], InputError]]]:
    """Sentences for files of photographs, turned as EXIF says.

    Args:
        maker: makes them.
        files: their names.
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
        for group in in_groups(zip(files, shown), _BATCH):
            ready = [(file, each) for file, each in group if isinstance(each, np.ndarray)]
            made: Iterator[List[Tuple[Sentence, Answer]]] = iter(())
            if ready:
                names, pixels = zip(*ready)
                made = iter(maker.answers(pixels, photographs=names))
            for file, each in group:
                if isinstance(each, InputError):
                    yield file, each
                else:
                    yield file, tuple(answer for _, answer in next(made))
