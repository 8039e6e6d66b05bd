"""Using a trained retrieval model: encode photographs and sentences, compare them, classify."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NoReturn

import numpy as np
import paddle

from vsepp.checkpoint import RETRIEVAL, load_checkpoint, wrong_kind
from vsepp.data.padding import padded
from vsepp.metrics.similarity import MEASURES
from vsepp.models.losses import NPairLoss
from vsepp.retrieval.arguments import listed
from vsepp.retrieval.encoding import BATCH, encode_captions
from vsepp.retrieval.networks import Networks
from vsepp.retrieval.photographs import EncodesPhotographs, Photo
from vsepp.retrieval.prompts import TEMPLATE, each_once, have_meaning, prompts
from vsepp.system.errors import InputError


class RetrievalModel(EncodesPhotographs, Networks):
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
        sentences = listed(sentences, (str,), "sentences")
        for sentence in sentences:
            if not isinstance(sentence, str):
                raise InputError(f"a sentence must be text, not {type(sentence).__name__}.")
        return self.reader.indices(sentences)

    def tokenize(self, sentences: str | Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """What the text encoder is fed.

        Args:
            sentences: a list of sentences (or a single one).

        Returns:
            (int64 ``[n, longest]``, padded; int64 ``[n]``, lengths). Of a CLIP, ``longest`` is
            its context length; longer sentences are cut.

        Raises:
            InputError: for a sentence without a single known word.
        """
        reader = self.reader
        rows = self._indices(sentences)
        return padded(rows, getattr(reader, "context_length", 0), getattr(reader, "padding", 0))

    def encode_indices(self, captions: Sequence[Sequence[int]], quiet: bool = True) -> np.ndarray:
        """Codes, float32 ``[n, embed_size]``, of the reader's lists of indices, not padded.

        Raises:
            InputError: for an empty caption, or an index that the reader does not give.
        """
        captions = listed(captions, (), "captions")
        self.reader.check_indices(captions)
        return self._encode_indices(captions, quiet)

    def _encode_indices(self, captions: Sequence[Sequence[int]], quiet: bool = True) -> np.ndarray:
        if not captions:
            return self.no_codes()
        with paddle.no_grad():
            return encode_captions(self, captions, BATCH, quiet)

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
                the sentences (but for those of soft targets, which have it from their training).

        Returns:
            float64 ``[n]``, which adds up to 1.
        """
        temperature = temperature or self._learned_temperature or 0.05
        odds = np.exp((scores - scores.max()).astype(np.float64) / temperature)
        return odds / odds.sum()

    @cached_property
    def _learned_temperature(self) -> float | None:
        """The temperature in the checkpoint, or None where none is or it is stale."""
        if not have_meaning(self.config.loss):
            return None
        state = load_checkpoint(self.checkpoint, parts=("model/logit_scale",))["model"]
        if "logit_scale" not in state:
            return None
        return 1 / min(float(np.exp(state["logit_scale"][0])), NPairLoss.largest_scale)

    def caption(self, *images: object, **options: object) -> NoReturn:
        """InputError: a retrieval model writes no sentences."""
        raise wrong_kind(self.checkpoint, RETRIEVAL)

    captions_of = captions_of_split = decoding = caption
