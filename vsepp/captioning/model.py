"""Using a trained captioner: sentences for photographs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn, Union

import numpy as np
import paddle

from vsepp.captioning.decoded import DecodedCaption
from vsepp.captioning.options import Decoding
from vsepp.captioning.sentences import Sentence
from vsepp.captioning.splits import IMAGES, caption_cells, in_grouped_images
from vsepp.checkpoint import CAPTIONER, check_kind, wrong_kind
from vsepp.data.batches import in_batches
from vsepp.data.dataset import CaptionDataset
from vsepp.data.images import map_images
from vsepp.data.prepared import Prepared
from vsepp.data.preprocessing import Preprocessing
from vsepp.data.stored.features import FeatureStore
from vsepp.data.stored.file_rows import FileRows
from vsepp.data.stored.halves import stack_float32
from vsepp.models.backbones import find_backbone
from vsepp.models.caption_decoders.word_decoder import WordDecoder
from vsepp.models.caption_parts import DECODER, DecoderParts
from vsepp.models.image_encoders.cell_encoder import CellEncoder
from vsepp.retrieval.arguments import listed
from vsepp.retrieval.photographs import PHOTO, EncodesPhotographs, Photo
from vsepp.system.errors import InputError
from vsepp.text.vocabulary import Vocabulary

_FEW = 16  # photographs up to which preparing a faster network does not pay

Picture = Union[Photo, np.ndarray]  # an array: as ``CaptionModel.pixels`` has made it


class _Cells(EncodesPhotographs):
    """The image side of a captioner's checkpoint, whose codes are the cells of photographs:
    float32 ``[n, cells, cell_size]``."""

    @cached_property
    def preprocessing(self) -> Preprocessing:
        self._found(find_backbone, self.config.image_model)
        return CellEncoder(self.config).preprocessing

    @cached_property
    def image_extractor(self) -> paddle.nn.Layer:
        state = self._part("image_extractor.")
        encoder = CellEncoder.from_checkpoint(self.config, self._header, state, self.checkpoint)
        return self._ready(encoder.build(), state)

    def no_codes(self) -> np.ndarray:
        return np.empty((0, 0, self.config.cell_size), np.float32)

    def cells_of(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 ``[n, size, size, 3]`` → float32 ``[n, cells, cell_size]``."""
        few = len(pixels) <= _FEW and self._predictor is None
        if few or paddle.get_device() != "cpu":
            self.check_backbone()
            return self.encode_cropped(pixels, len(pixels))
        return self.encode_pixels(pixels)

    def cells_of_split(
        self, dataset: CaptionDataset, store: FeatureStore | None, quiet: bool
    ) -> Iterator[np.ndarray]:
        """Cells of a split's images, batch by batch: of their stored grids where they are there."""
        count = len(dataset.images)
        if store and store.holds(dataset.split, dataset.images, 0):
            grids = FileRows(store.read(dataset.split, dataset.images, 0))
            for group in in_grouped_images(grids, count, quiet):
                yield self.encode_features(stack_float32(group))
            return
        self.check_backbone()
        crop = self.preprocessing.center_crop()
        pixels = map_images(lambda number: crop(dataset.photograph(number)), range(count))
        for group in in_grouped_images(pixels, count, quiet):
            yield self.cells_of(np.stack(group))


class CaptionModel:
    """Writes sentences for photographs.

    Each half of the model is built when it is first needed.

    Args:
        checkpoint: a captioner's file.

    Raises:
        InputError: when it is missing, truncated, of another program, or no captioner's.

    Attributes:
        config: the run's ``Config``.
        vocabulary: the words that it knows.
        fingerprint: of the weights.
        exif: whether the photographs that it was trained on were turned as EXIF says.
    """

    def __init__(self, checkpoint: str | Path) -> None:
        self._images = images = _Cells(checkpoint)
        self.checkpoint, self.config = images.checkpoint, images.config
        check_kind(images._header, checkpoint, CAPTIONER)
        self._parts = DecoderParts.from_checkpoint(self.config, images._header, self.checkpoint)
        self.fingerprint, self.exif = images.fingerprint, images.exif

    @property
    def vocabulary(self) -> Vocabulary:
        return self._parts.reader.vocabulary

    @property
    def preprocessing(self) -> Preprocessing:
        """What is done to a photograph before the network sees it."""
        return self._images.preprocessing

    @cached_property
    def image_extractor(self) -> paddle.nn.Layer:
        """From features of a grid, ``[n, cells, feature_size]``, to cells."""
        return self._images.image_extractor

    @cached_property
    def decoder(self) -> WordDecoder:
        """The network that writes."""
        state = self._images._part(DECODER)
        self._parts.check_state(state, self.checkpoint)
        return self._images._ready(self._parts.build(), state)

    def decoding(self, **options: Any) -> Decoding:
        """How sentences are chosen: as the checkpoint's configuration says, but for ``options``,
        which are those of ``vsepp.captioning.options.Decoding``.

        Raises:
            InputError: for a value that means nothing.
        """
        known = [field.name for field in dataclasses.fields(Decoding)]
        for name in options:
            if name not in known:
                raise InputError(
                    f"there is no option {name!r} of captioning: all are {', '.join(known)}."
                )
        return Decoding.configured(self.config, **options)

    def caption(
        self,
        images: Picture | Sequence[Picture],
        beam: int = 5,
        captions: int = 1,
        attention: bool = False,
        **options: Any,
    ) -> list:
        """Sentences for photographs.

        Args:
            images: a list of paths or PIL images (or a single one), turned as their EXIF
                orientation says.
            beam: sentences that are followed side by side; 1 is greedy.
            captions: sentences for each photograph.
            attention: besides, where each word looked.
            options: see :meth:`decoding`.

        Returns:
            A list with a sentence for each photograph; with ``captions`` above 1 a list of at most
            so many, the best first. With ``attention`` each sentence is a pair (sentence,
            float32 ``[words, rows, columns]``).

        Raises:
            InputError: when a photograph cannot be decoded, or for an option that means nothing.
        """
        decoding = self.decoding(beam=beam, captions=captions, **options)
        if isinstance(images, np.ndarray) and images.ndim == 3:
            images = [images]
        found = self.captions_of(listed(images, PHOTO, "images"), decoding, attention)
        answers = [
            [(each.sentence, each.attention) if attention else each.sentence for each in made]
            for made in found
        ]
        return answers if captions > 1 else [made[0] for made in answers]

    def captions_of(
        self,
        images: Sequence[Picture],
        decoding: Decoding | None = None,
        attention: bool = False,
        numbers: Sequence[int] | None = None,
    ) -> Iterator[list[Sentence]]:
        """Sentences for photographs, of each the best first, as they are made.

        Those of one photograph depend on it, the options and its number alone; beyond rounding,
        not on what comes with it.

        Args:
            images: paths, PIL images, or arrays of :meth:`pixels`.
            decoding: how they are chosen; by default as the configuration says.
            attention: keep where each word looked.
            numbers: of the photographs; sampling draws by them. By default 0, 1, 2 …
        """
        decoding = decoding or self.decoding()
        numbers = range(len(images)) if numbers is None else numbers
        if len(numbers) != len(images):
            raise InputError(f"{len(numbers)} numbers for {len(images)} images: give one for each.")
        with closing(map_images(self._pixels_of, images)) as pixels:
            batches = (self._images.cells_of(group) for group in in_batches(pixels, IMAGES))
            decoder, vocabulary = self.decoder, self.vocabulary
            made = caption_cells(batches, decoder, vocabulary, decoding, attention, numbers)
            yield from map(self._sentences, made)

    def captions_of_split(
        self,
        dataset: CaptionDataset,
        prepared: Prepared,
        decoding: Decoding | None = None,
        attention: bool = False,
        quiet: bool = True,
    ) -> Iterator[list[Sentence]]:
        """Sentences for the images of a split, from stored grids where there are some.

        Args:
            dataset: the split.
            prepared: its data set.
            decoding, attention: see :meth:`captions_of`.
            quiet: show no progress bar.

        Raises:
            InputError: for data without photographs or grids that the model can look at.
        """
        decoding = decoding or self.decoding()
        batches = self._images.cells_of_split(dataset, self._images.feature_store(prepared), quiet)
        made = caption_cells(batches, self.decoder, self.vocabulary, decoding, attention)
        return map(self._sentences, made)

    def pixels(self, image: Photo, exif: bool = True) -> np.ndarray:
        """A photograph (a path or PIL image) as the network sees it: uint8 ``[size, size, 3]``."""
        return self._images.pixels(image, exif)

    def _pixels_of(self, image: Picture) -> np.ndarray:
        if not isinstance(image, np.ndarray):
            return self.pixels(image)
        side = self.preprocessing.image_size
        if image.shape != (side, side, 3) or image.dtype != np.uint8:
            raise InputError(
                f"an array of a photograph must be uint8 [{side}, {side}, 3], as the model's "
                f"pixels() makes it of a file, not {image.dtype} {list(image.shape)}."
            )
        return image

    def _sentences(self, captions: list[DecodedCaption]) -> list[Sentence]:
        return [Sentence.of(caption, self.vocabulary) for caption in captions]

    def _of_retrieval(self, *things: object, **options: object) -> NoReturn:
        """InputError: a captioner compares no sentences with photographs."""
        raise wrong_kind(self.checkpoint, CAPTIONER)

    encode_image = encode_text = encode_features = similarity = classify = _of_retrieval
    encode_photographs = encode_pixels = encode_indices = preprocess = _of_retrieval
