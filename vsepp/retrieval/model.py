"""Using a trained model: encode photographs and sentences, compare them, classify."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, Union

import numpy as np
import paddle
from PIL import Image, ImageOps

from vsepp.checkpoint import load_checkpoint, read_header
from vsepp.config import KEYS, Config, apply
from vsepp.data.batches import in_batches
from vsepp.data.features import first_not_finite
from vsepp.data.images import as_rgb, map_images, open_image
from vsepp.data.preprocessing import Preprocessing
from vsepp.data.transforms import normalize
from vsepp.metrics.similarity import MEASURES
from vsepp.models.device import backbone_precision
from vsepp.models.encoders import find_image_encoder, find_text_encoder
from vsepp.models.losses import NPairLoss
from vsepp.models.state import set_state
from vsepp.models.twins.predictor import BackbonePredictor
from vsepp.retrieval.encoding import encode_captions, encode_images, encode_rows, padded
from vsepp.retrieval.prompts import TEMPLATE, each_once, prompts
from vsepp.system.errors import InputError
from vsepp.system.threads import computes_in_bfloat16
from vsepp.text.vocabulary import Vocabulary

if TYPE_CHECKING:  # a single sentence does not wait for it
    from vsepp.data.dataset import CaptionDataset

MANY_IMAGES = 64  # from here on, preparing a faster network pays
_BATCH = 64
_PHOTO = (str, os.PathLike, Image.Image)  # what a single photograph may come as
_ENOUGH = 2  # of a photograph's pixels to a side of the resized one, for resizing to average over

Photo = Union[str, Path, Image.Image]  # the file of a photograph, or the photograph
Found = TypeVar("Found")


def load(checkpoint: str | Path) -> RetrievalModel:
    """A model ready for use, from a checkpoint.

    Nothing but the checkpoint is read: ImageNet weights are neither looked for nor fetched.

    Args:
        checkpoint: a file that ``tools/train.py`` or ``tools/convert.py`` wrote.

    Raises:
        InputError: when it is missing, truncated, of another program, or a pickle.
    """
    return RetrievalModel(checkpoint)


def _listed(given: Any, single: tuple[type, ...], name: str) -> list:
    """What a caller gave, one of ``single`` or several, as a list."""
    if isinstance(given, single):
        return [given]
    try:
        return list(given)
    except TypeError:
        raise InputError(f"{name} must be given as a list, not {type(given).__name__}.") from None


class RetrievalModel:
    """Encodes photographs and sentences into one space.

    Each half of the model is built when it is first needed, so that a sentence does not wait
    for a backbone.

    Args:
        checkpoint: the file.

    Attributes:
        config: the run's ``Config``.
        reader: what turns sentences into the text encoder's input, see ``vsepp.text.reader``.
        measure: ``cosine`` or ``order``.
        fingerprint: of the weights.
        frozen: what the header says of the frozen backbone that it was trained over, or None.
        exif: whether the photographs that it was trained on were turned as EXIF says. How others
            are opened does not depend on it: those of a data set as that is prepared, people's
            own turned.
    """

    def __init__(self, checkpoint: str | Path) -> None:
        self.checkpoint = str(checkpoint)
        header = read_header(checkpoint)
        known = {key: value for key, value in header["config"].items() if key in KEYS}
        self.config = apply(Config(), known, self.checkpoint)
        self._text = self._found(find_text_encoder, self.config.text_model).from_checkpoint(
            self.config, header, self.checkpoint
        )
        self.reader = self._text.reader
        self.measure = self.config.measure
        self.fingerprint = header["fingerprint"]
        self.frozen = header.get("backbone")
        self.exif: bool = header.get("exif", False)
        self._predictor: BackbonePredictor | None = None

    def _found(self, find: Callable[[str], Found], name: str) -> Found:
        try:
            return find(name)
        except InputError as error:
            raise InputError(f"{self.checkpoint}: {error}") from None

    @property
    def embed_size(self) -> int:
        """Numbers per code."""
        return self.config.embed_size

    @property
    def vocabulary(self) -> Vocabulary:
        """The ``Vocabulary`` of an encoder that has a word list."""
        return self.reader.vocabulary

    @property
    def tokenizer(self) -> str:
        """Name of what cuts sentences as the training captions were cut."""
        return self.reader.tokenizer

    @cached_property
    def preprocessing(self) -> Preprocessing:
        """What is done to a photograph before the network sees it."""
        return self._found(find_image_encoder, self.config.image_model)(self.config).preprocessing

    @property
    def precision(self) -> str:
        """What the backbone computes in on this machine: ``float32`` or ``bfloat16``."""
        wanted = self.config.backbone_precision if computes_in_bfloat16() else "float32"
        return backbone_precision(wanted)

    @cached_property
    def image_extractor(self) -> paddle.nn.Layer:
        """The image encoder's network."""
        state = self._part("image_extractor.")
        find = self._found(find_image_encoder, self.config.image_model)
        encoder = find.from_checkpoint(self.config, state, self.checkpoint)
        return self._ready(encoder.build(), state)

    @cached_property
    def text_extractor(self) -> paddle.nn.Layer:
        """The text encoder's network."""
        state = self._part("text_extractor.")
        self._text.check_state(state, self.checkpoint)
        return self._ready(self._text.build(), state)

    def _part(self, prefix: str) -> dict[str, np.ndarray]:
        state = load_checkpoint(self.checkpoint, parts=(f"model/{prefix}",))["model"]
        return {name[len(prefix) :]: value for name, value in state.items()}

    def _ready(self, network: paddle.nn.Layer, state: Mapping[str, np.ndarray]) -> paddle.nn.Layer:
        set_state(network, state, self.checkpoint)
        network.eval()
        return network

    # ---- images ----------------------------------------------------------------------------

    def encode_image(
        self, images: Photo | Sequence[Photo], exif: bool = True, quiet: bool = True
    ) -> np.ndarray:
        """Codes of photographs.

        A photograph's code does not depend, beyond rounding, on how many come together, and its
        precision not at all: see :attr:`precision`.

        Args:
            images: a list of paths or PIL images (or a single one).
            exif: turn photographs as their EXIF orientation says, as people's own are. For those
                of a data set, which are opened as it is prepared, see :meth:`encode_photographs`.
            quiet: show no progress bar.

        Returns:
            float32 ``[n, embed_size]``; of unit length unless the checkpoint's method says
            otherwise.

        Raises:
            InputError: when a photograph cannot be decoded, or when the checkpoint holds no
                backbone (then use :meth:`encode_features`).
        """
        photos = _listed(images, _PHOTO, "images")
        return self._encode_each(lambda photo: self.pixels(photo, exif), photos, quiet)

    def encode_photographs(self, dataset: CaptionDataset, quiet: bool = True) -> np.ndarray:
        """Codes of the photographs of a data set, from the pixels that training reads: decoded
        whole, and turned by EXIF where the data set is prepared so.

        Args:
            dataset: ``CaptionDataset``.
            quiet: show no progress bar.

        Returns, raises: as :meth:`encode_image`.
        """
        crop = self.preprocessing.center_crop()
        numbers = range(len(dataset.images))
        return self._encode_each(lambda number: crop(dataset.photograph(number)), numbers, quiet)

    def _encode_each(
        self, pixels_of: Callable[[Any], np.ndarray], photos: Sequence, quiet: bool
    ) -> np.ndarray:
        """Codes of photographs, of which ``pixels_of`` gives what the network sees."""
        self.check_backbone()
        if not photos:
            return self._no_codes()
        return self.encode_cropped(map_images(pixels_of, photos), len(photos), quiet)

    def encode_cropped(
        self, pixels: Iterable[np.ndarray], count: int, quiet: bool = True
    ) -> np.ndarray:
        """Codes of photographs that :meth:`pixels` has made ready, as :meth:`encode_image` has
        them, which describes the rest.

        Args:
            pixels: uint8 arrays ``[image_size, image_size, 3]``.
            count: how many there are, at least one.
        """
        with paddle.no_grad():
            few = count < MANY_IMAGES or paddle.get_device() != "cpu"
            if few and self.precision == "float32":
                return encode_images(self, pixels, count, 16, quiet)
            predictor = self._fast_backbone()
            batches = in_batches(pixels, predictor.batch_size)
            features = chain.from_iterable(map(predictor, batches))
            return self._encode_features(features, count, quiet)

    def _fast_backbone(self) -> BackbonePredictor:
        if self._predictor is None:
            self._predictor = BackbonePredictor(
                self.image_extractor.backbone,
                self.preprocessing.image_size,
                precision=self.precision,
                mean=self.preprocessing.mean,
                std=self.preprocessing.std,
            )
        return self._predictor

    def encode_pixels(self, pixels: np.ndarray) -> np.ndarray:
        """Codes of photographs that :meth:`pixels` has made ready, for those that come as a
        stream: a photograph's code does not depend on how many come together.

        Args:
            pixels: uint8 ``[n, image_size, image_size, 3]``.

        Returns:
            float32 ``[n, embed_size]``.

        Raises:
            InputError: when the checkpoint holds no backbone.
        """
        self.check_backbone()
        codes = np.empty((len(pixels), self.embed_size), np.float32)
        predictor = self._fast_backbone()
        size = predictor.batch_size
        for start in range(0, len(pixels), size):
            features = predictor(pixels[start : start + size])
            whole = np.zeros((size, features.shape[1]), np.float32)
            whole[: len(features)] = features
            codes[start : start + size] = self._encode_features(whole, size)[: len(features)]
        return codes

    def pixels(self, image: Photo, exif: bool = True) -> np.ndarray:
        """A photograph (a path or PIL image) as the network sees it: uint8 ``[size, size, 3]``.

        Large JPEGs that are turned (``exif``) are decoded no larger than needed; others are read
        whole.

        Raises:
            InputError: when it cannot be decoded.
        """
        if isinstance(image, Image.Image):
            image = as_rgb(ImageOps.exif_transpose(image) if exif else image)
        else:
            if not isinstance(image, (str, bytes, os.PathLike)) and not hasattr(image, "read"):
                raise InputError(
                    f"a photograph must be a path or a PIL image, not {type(image).__name__}."
                )
            enough = _ENOUGH * self.preprocessing.resize if exif else None
            image = open_image(image, exif, at_least=enough)
        return self.preprocessing.center_crop()(image)

    def preprocess(self, images: Photo | Sequence[Photo], exif: bool = True) -> np.ndarray:
        """What the image encoder is fed: float32 ``[n, 3, image_size, image_size]``, normalised.

        The arguments are those of :meth:`encode_image`.
        """
        steps = self.preprocessing
        pixels = [self.pixels(photo, exif) for photo in _listed(images, _PHOTO, "images")]
        rows = np.stack(pixels) if pixels else np.empty((0, *2 * [steps.image_size], 3), np.uint8)
        return normalize(rows, steps.mean, steps.std)

    def check_backbone(self) -> None:
        """InputError when the checkpoint holds no backbone, and so encodes no photographs."""
        if hasattr(self.image_extractor, "backbone"):
            return
        named = (
            f" ({self.frozen['backbone']}, fingerprint {self.frozen['fingerprint'][:12]})"
            if self.frozen
            else ""
        )
        raise InputError(
            f"{self.checkpoint} was trained over features of a frozen backbone{named} "
            "and does not hold it: use the best checkpoint of that run, or "
            "encode_features."
        )

    def encode_features(self, features: np.ndarray) -> np.ndarray:
        """Codes of precomputed backbone features.

        Args:
            features: float array ``[n, feature_size]``.

        Returns:
            float32 ``[n, embed_size]``.

        Raises:
            InputError: for an array of another shape, or with NaN or infinity in it.
        """
        try:
            features = np.asarray(features, dtype=np.float32)
        except (TypeError, ValueError):
            raise InputError("features must be numbers, as many for each image.") from None
        size = self.image_extractor.feature_size
        if features.ndim != 2 or features.shape[1] != size:
            raise InputError(f"features must be of shape [n, {size}], not {features.shape}.")
        if not len(features):
            return self._no_codes()
        row = first_not_finite(features)
        if row is not None:
            raise InputError(
                f"features: row {row} holds NaN, infinity or a number too large: compute it anew."
            )
        return self._encode_features(features, len(features))

    def _no_codes(self) -> np.ndarray:
        return np.empty((0, self.embed_size), np.float32)

    def _encode_features(
        self, features: Iterable[np.ndarray], count: int, quiet: bool = True
    ) -> np.ndarray:
        with paddle.no_grad():
            return encode_rows(self.image_extractor.encode_features, features, count, _BATCH, quiet)

    # ---- sentences -------------------------------------------------------------------------

    def unknown_words(self, sentence: str) -> list[str]:
        """The words of a sentence that the model has never seen, in order."""
        return self.reader.unknown_words(sentence)

    def nearest_words(self, word: str) -> list[str]:
        """The known words that are spelled most like an unknown one: at most three."""
        return self.reader.nearest_words(word)

    def explain_unknown(self, sentence: str) -> str:
        """What is said of a sentence's unknown words: one line, empty when all are known."""
        return self.reader.explain_unknown(sentence)

    def encode_text(self, sentences: str | Sequence[str]) -> np.ndarray:
        """Codes of sentences.

        Args:
            sentences: a list of sentences, as people type them (or a single one).

        Returns:
            float32 ``[n, embed_size]``.

        Raises:
            InputError: for a sentence without a single known word.
        """
        return self._encode_indices(self._indices(sentences))

    def _indices(self, sentences: str | Sequence[str]) -> list[list[int]]:
        sentences = _listed(sentences, (str,), "sentences")
        for sentence in sentences:
            if not isinstance(sentence, str):
                raise InputError(f"a sentence must be text, not {type(sentence).__name__}.")
        return self.reader.indices(sentences)

    def tokenize(self, sentences: str | Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """What the text encoder is fed.

        Args:
            sentences: a list of sentences (or a single one).

        Returns:
            (int64 ``[n, longest]``, padded; int64 ``[n]``, lengths)

        Raises:
            InputError: for a sentence without a single known word.
        """
        return padded(self._indices(sentences))

    def encode_indices(self, captions: Sequence[Sequence[int]], quiet: bool = True) -> np.ndarray:
        """Codes, float32 ``[n, embed_size]``, of the reader's lists of indices, not padded.

        Raises:
            InputError: for an empty caption, or an index that the reader does not give.
        """
        captions = _listed(captions, (), "captions")
        self.reader.check_indices(captions)
        return self._encode_indices(captions, quiet)

    def _encode_indices(self, captions: Sequence[Sequence[int]], quiet: bool = True) -> np.ndarray:
        if not captions:
            return self._no_codes()
        with paddle.no_grad():
            return encode_captions(self, captions, _BATCH, quiet)

    # ---- both ------------------------------------------------------------------------------

    def similarity(
        self, images: Photo | Sequence[Photo] | np.ndarray, texts: str | Sequence[str] | np.ndarray
    ) -> np.ndarray:
        """How well each image fits each text.

        Args:
            images: paths or PIL images, or their codes ``[n, embed_size]``.
            texts: sentences, or their codes ``[m, embed_size]``.

        Returns:
            float32 ``[n, m]``
        """
        if not isinstance(images, np.ndarray):
            images = self.encode_image(images)
        if not isinstance(texts, np.ndarray):
            texts = self.encode_text(texts)
        measure = MEASURES[self.measure]
        return measure.block(images, texts)

    def classify(
        self,
        image: Photo,
        labels: Sequence[str],
        template: str = TEMPLATE,
        temperature: float | None = None,
    ) -> dict[str, float]:
        """Probabilities of labels for a photograph, without training on them.

        Args:
            image: a path or PIL image.
            labels: list of words or phrases; one that is there twice counts once.
            template: the sentence that stands for a label, with ``{}`` in its place.
            temperature: see :meth:`probabilities`.

        Returns:
            dict: ``{label: probability}``, most probable first; they add up to 1.

        Raises:
            InputError: when the photograph cannot be decoded, when there is no label, or for a
                template without one ``{}``.
        """
        labels = each_once(labels)
        scores = self.similarity(image, prompts(labels, template))[0]
        odds = self.probabilities(scores, temperature)
        order = np.argsort(-odds, kind="stable")
        return {labels[index]: float(odds[index]) for index in order}

    def probabilities(self, scores: np.ndarray, temperature: float | None = None) -> np.ndarray:
        """Similarities of one photograph with several sentences as probabilities.

        Args:
            scores: float32 ``[n]``.
            temperature: of the softmax over them. By default the one that the N-pair loss
                learned; 0.05 for models trained otherwise, whose probabilities then only order
                the sentences.

        Returns:
            float64 ``[n]``, which adds up to 1.
        """
        temperature = temperature or self._learned_temperature or 0.05
        odds = np.exp((scores - scores.max()).astype(np.float64) / temperature)
        return odds / odds.sum()

    @cached_property
    def _learned_temperature(self) -> float | None:
        """The temperature in the checkpoint, or None."""
        state = load_checkpoint(self.checkpoint, parts=("model/logit_scale",))["model"]
        if "logit_scale" not in state:
            return None
        return 1 / min(float(np.exp(state["logit_scale"][0])), NPairLoss.largest_scale)
