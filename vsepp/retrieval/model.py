"""Using a trained model: encode photographs and sentences, compare them, classify."""

from functools import cached_property
from itertools import chain
from pathlib import Path

import numpy as np
import paddle
from PIL import Image, ImageOps

from vsepp.checkpoint import load_checkpoint, read_header
from vsepp.config import KEYS, Config, apply
from vsepp.data.batches import in_batches
from vsepp.data.images import map_images, open_image
from vsepp.data.preprocessing import Preprocessing
from vsepp.data.transforms import CenterCrop
from vsepp.metrics.similarity import MEASURES
from vsepp.models.device import backbone_precision
from vsepp.models.losses import NPairLoss
from vsepp.models.predictor import BackbonePredictor
from vsepp.models.state import set_state
from vsepp.models.vsepp import build_image_extractor, build_text_extractor
from vsepp.retrieval.encoding import encode_captions, encode_images, encode_rows
from vsepp.system.errors import InputError
from vsepp.system.threads import computes_in_bfloat16
from vsepp.text.tokens import find_tokenizer
from vsepp.text.vocabulary import Vocabulary

_MANY_IMAGES = 64  # from here on, preparing a faster network pays
_BATCH = 64
_NAMED_AT_MOST = 10  # unknown words that nearest ones are looked for: it takes a while
_ENOUGH = 2  # of a photograph's pixels to a side of the resized one, for resizing to average over


def load(checkpoint):
    """A model ready for use, from a checkpoint.

    Nothing but the checkpoint is read: ImageNet weights are neither looked for nor fetched.

    Args:
        checkpoint: a file that ``tools/train.py`` or ``tools/convert.py`` wrote.

    Returns:
        RetrievalModel

    Raises:
        InputError: when it is missing, truncated, of another program, or a pickle.
    """
    return RetrievalModel(checkpoint)


class RetrievalModel:
    """Encodes photographs and sentences into one space.

    Each half of the model is built when it is first needed, so that a sentence does not wait
    for a backbone.

    Args:
        checkpoint: the file.

    Attributes:
        config: the run's ``Config``.
        vocabulary: its ``Vocabulary``.
        tokenizer: name of what cuts sentences as the training captions were cut.
        measure: ``cosine`` or ``order``.
        fingerprint: of the weights.
    """

    def __init__(self, checkpoint):
        self.checkpoint = str(checkpoint)
        header = read_header(checkpoint)
        known = {key: value for key, value in header["config"].items() if key in KEYS}
        self.config = apply(Config(), known, self.checkpoint)
        self.vocabulary = Vocabulary(header["vocab"], self.checkpoint)
        self.tokenizer = header.get("tokenizer", "words")
        try:
            self.words = find_tokenizer(self.tokenizer)
        except InputError as error:
            raise InputError(f"{self.checkpoint}: {error}") from None
        self.measure = self.config.measure
        self.fingerprint = header["fingerprint"]
        self.frozen = header.get("backbone")
        self._predictor = None
        self._crop = CenterCrop(self.config.resize, self.config.image_size)

    @property
    def precision(self) -> str:
        """What the backbone computes in on this machine: ``float32`` or ``bfloat16``."""
        wanted = self.config.backbone_precision if computes_in_bfloat16() else "float32"
        return backbone_precision(wanted)

    @property
    def preprocessing(self) -> Preprocessing:
        """What is done to a photograph before the network sees it."""
        return Preprocessing(self.config.resize, self.config.image_size)

    @cached_property
    def image_extractor(self):
        """``ImageRepExtractor``, or ``FeatureRepExtractor`` where no backbone is inside."""
        state = self._part("image_extractor.")
        feature_size = None
        if not any(name.startswith("backbone.") for name in state):
            if "fc.weight" not in state:
                raise InputError(
                    f"{self.checkpoint} holds no image encoder: give another checkpoint."
                )
            feature_size = state["fc.weight"].shape[0] if state["fc.weight"].ndim else 0
        self._check_shapes(state, {"fc.bias": (self.config.embed_size,)})
        try:
            network = build_image_extractor(self.config, feature_size)
        except InputError as error:
            raise InputError(f"{self.checkpoint}: {error}") from None
        return self._ready(network, state)

    @cached_property
    def text_extractor(self):
        """``TextRepExtractor``."""
        state, config = self._part("text_extractor."), self.config
        self._check_shapes(
            state,
            {
                "embedding.weight": (len(self.vocabulary), config.word_dim),
                f"gru.weight_hh_l{config.num_layers - 1}": (
                    3 * config.embed_size,
                    config.embed_size,
                ),
            },
        )
        return self._ready(build_text_extractor(config, len(self.vocabulary)), state)

    def _check_shapes(self, state, shapes):
        """InputError before a network is built that is larger than its weights."""
        for name, shape in shapes.items():
            found = state[name].shape if name in state else None
            if found != shape:
                raise InputError(
                    f"{self.checkpoint}: {name} has the shape {found}, its configuration and "
                    f"vocabulary say {shape}: the checkpoint is damaged; use another."
                )

    def _part(self, prefix):
        state = load_checkpoint(self.checkpoint, parts=(f"model/{prefix}",))["model"]
        return {name[len(prefix) :]: value for name, value in state.items()}

    def _ready(self, network, state):
        set_state(network, state, self.checkpoint)
        network.eval()
        return network

    # ---- images ----------------------------------------------------------------------------

    def encode_image(self, images, exif=True, quiet=True):
        """Codes of photographs.

        Args:
            images: a list of paths or PIL images (or a single one).
            exif: turn photographs as their EXIF orientation says.
            quiet: show no progress bar.

        Returns:
            float32 ``[n, embed_size]``; of unit length unless the checkpoint's method says
            otherwise.

        Raises:
            InputError: when a photograph cannot be decoded, or when the checkpoint holds no
                backbone (then use :meth:`encode_features`).
        """
        if isinstance(images, (str, Path, Image.Image)):
            images = [images]
        self._check_backbone()
        if not len(images):
            return self._no_codes()
        pixels = map_images(lambda image: self.pixels(image, exif), images)
        with paddle.no_grad():
            if len(images) < _MANY_IMAGES or paddle.get_device() != "cpu":
                return encode_images(self, pixels, len(images), 16, quiet)
            predictor = self._fast_backbone()
            batches = in_batches(pixels, predictor.batch_size)
            features = chain.from_iterable(map(predictor, batches))
            return self._encode_features(features, len(images), quiet)

    def _fast_backbone(self):
        if self._predictor is None:
            self._predictor = BackbonePredictor(
                self.image_extractor.backbone, self.config.image_size, precision=self.precision
            )
        return self._predictor

    def encode_pixels(self, pixels):
        """Codes of photographs that :meth:`pixels` has made ready, for those that come as a
        stream: a photograph's code does not depend on how many come together.

        Args:
            pixels: uint8 ``[n, image_size, image_size, 3]``.

        Returns:
            float32 ``[n, embed_size]``.

        Raises:
            InputError: when the checkpoint holds no backbone.
        """
        self._check_backbone()
        codes = np.empty((len(pixels), self.config.embed_size), np.float32)
        predictor = self._fast_backbone()
        size = predictor.batch_size
        for start in range(0, len(pixels), size):
            features = predictor(pixels[start : start + size])
            whole = np.zeros((size, features.shape[1]), np.float32)
            whole[: len(features)] = features
            codes[start : start + size] = self._encode_features(whole, size)[: len(features)]
        return codes

    def pixels(self, image, exif=True):
        """A photograph (a path or PIL image) as the network sees it: uint8 ``[size, size, 3]``.

        People's own large JPEGs (``exif``) are decoded no larger than needed; those of data sets
        are read as training read them.

        Raises:
            InputError: when it cannot be decoded.
        """
        if isinstance(image, Image.Image):
            image = (ImageOps.exif_transpose(image) if exif else image).convert("RGB")
        else:
            image = open_image(image, exif, at_least=_ENOUGH * self.config.resize if exif else None)
        return self._crop.pixels(image)

    def _check_backbone(self):
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

    def encode_features(self, features):
        """Codes of precomputed backbone features.

        Args:
            features: float array ``[n, feature_size]``.

        Returns:
            float32 ``[n, embed_size]``.
        """
        features = np.asarray(features, dtype=np.float32)
        size = self.image_extractor.fc.weight.shape[0]
        if features.ndim != 2 or features.shape[1] != size:
            raise InputError(f"features must be of shape [n, {size}], not {features.shape}.")
        return self._encode_features(features, len(features)) if len(features) else self._no_codes()

    def _no_codes(self):
        return np.empty((0, self.config.embed_size), np.float32)

    def _encode_features(self, features, count, quiet=True):
        with paddle.no_grad():
            return encode_rows(self.image_extractor.encode_features, features, count, _BATCH, quiet)

    # ---- sentences -------------------------------------------------------------------------

    def unknown_words(self, sentence):
        """The words of a sentence that the vocabulary lacks, in order."""
        return [word for word in self.words(sentence) if word not in self.vocabulary]

    def nearest_words(self, word):
        """The vocabulary's words that are spelled most like one it lacks: at most three."""
        return self.vocabulary.nearest(word.lower())

    def explain_unknown(self, sentence):
        """The words of a sentence that the vocabulary lacks, each with the nearest it has.

        Returns:
            str: a line such as ``not in the vocabulary, so not understood: dgo (dog, dogs)``;
            empty when every word is known.
        """
        unknown = self._with_nearest(self.unknown_words(sentence))
        return f"not in the vocabulary, so not understood: {unknown}" if unknown else ""

    def _with_nearest(self, words):
        named = []
        for place, word in enumerate(dict.fromkeys(words)):
            nearest = self.nearest_words(word) if place < _NAMED_AT_MOST else []
            named.append(f"{word} ({', '.join(nearest)})" if nearest else word)
        return ", ".join(named)

    def encode_text(self, sentences):
        """Codes of sentences.

        Args:
            sentences: a list of sentences, as people type them (or a single one).

        Returns:
            float32 ``[n, embed_size]``.

        Raises:
            InputError: for a sentence without a single known word.
        """
        if isinstance(sentences, str):
            sentences = [sentences]
        captions = []
        for sentence in sentences:
            words = self.words(sentence)
            if not any(word in self.vocabulary for word in words):
                raise InputError(
                    f"none of the words of {sentence!r} is in the vocabulary: use "
                    f"words that the training captions have{self._hint(words)}."
                )
            captions.append(self.vocabulary.encode(words))
        return self.encode_indices(captions)

    def _hint(self, words):
        nearest = dict.fromkeys(
            other
            for word in list(dict.fromkeys(words))[:_NAMED_AT_MOST]
            for other in self.nearest_words(word)
        )
        return f", such as {', '.join(nearest)}" if nearest else ""

    def encode_indices(self, captions, quiet=True):
        """Codes of captions given as lists of indices, ``<start>`` and ``<end>`` included."""
        if not len(captions):
            return self._no_codes()
        with paddle.no_grad():
            return encode_captions(self, captions, _BATCH, quiet)

    # ---- both ------------------------------------------------------------------------------

    def similarity(self, images, texts):
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

    def classify(self, image, labels, template="a photo of a {}", temperature=None):
        """Probabilities of labels for a photograph, without training on them.

        Args:
            image: a path or PIL image.
            labels: list of words or phrases.
            template: the sentence that stands for a label.
            temperature: of the softmax over the similarities. By default the one that the
                N-pair loss learned; 0.05 for models trained otherwise, whose probabilities
                then only order the labels.

        Returns:
            dict: ``{label: probability}``, most probable first; they add up to 1.
        """
        temperature = temperature or self._learned_temperature() or 0.05
        scores = self.similarity(image, [template.format(label) for label in labels])[0]
        odds = np.exp((scores - scores.max()).astype(np.float64) / temperature)
        order = np.argsort(-odds, kind="stable")
        return {labels[index]: float(odds[index] / odds.sum()) for index in order}

    def _learned_temperature(self):
        """The temperature in the checkpoint, or None."""
        state = load_checkpoint(self.checkpoint, parts=("model/logit_scale",))["model"]
        if "logit_scale" not in state:
            return None
        return 1 / min(float(np.exp(state["logit_scale"][0])), NPairLoss.largest_scale)
