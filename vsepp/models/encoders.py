"""Encoders by name: the registries, and what an encoder has to say of itself. No Paddle here.

An encoder is a network and all that turns a sentence or a picture into what the network takes.
Training, checkpoints, conversion and use ask the registries, and know no layer of any of them. A
new encoder is one file below ``text_encoders/`` or ``image_encoders/``, and one line here.
"""

from __future__ import annotations

import difflib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from vsepp.data.preprocessing import Preprocessing
from vsepp.models.backbones import BACKBONES, find_backbone
from vsepp.system.errors import InputError
from vsepp.system.lazy import at_place

if TYPE_CHECKING:
    import paddle

    from vsepp.config import Config
    from vsepp.text.reader import WordReader
    from vsepp.text.subwords import SubwordReader
    from vsepp.text.vocabulary import Vocabulary

#: ``text_model`` → module and class
TEXT_ENCODERS = {
    "gru": "vsepp.models.text_encoders.word_encoders:GRUEncoder",
    "bigru": "vsepp.models.text_encoders.word_encoders:BiGRUEncoder",
    "bert": "vsepp.models.text_encoders.bert:BertEncoder",
    "clip": "vsepp.models.text_encoders.clip:CLIPTextEncoder",
    "chinese_clip": "vsepp.models.text_encoders.chinese_clip:ChineseCLIPEncoder",
}

#: ``image_model`` → module and class
IMAGE_ENCODERS = {
    **dict.fromkeys(BACKBONES, "vsepp.models.image_encoders.cnn:CNNEncoder"),
    "clip_vit": "vsepp.models.image_encoders.clip_vit:CLIPViTEncoder",
    "clip_resnet": "vsepp.models.image_encoders.clip_resnet:CLIPResNetEncoder",
}


class CaptionedData(Protocol):
    """What a prepared data set knows of its captions."""

    @property
    def vocabulary(self) -> Vocabulary:
        """The words that their indices stand for."""

    @property
    def tokenizer(self) -> str:
        """Name of what cut them."""


class TextEncoder(ABC):
    """What goes by a name of ``text_model``.

    Args:
        config: the run's ``Config``.
        reader: what turns sentences into lists of indices, with the methods of
            ``vsepp.text.reader.WordReader``.

    Attributes:
        part: the key of a checkpoint's header under which all stands that the encoder is made of;
            empty where it is made of the data set's words.
        word_rows: the parameter of its network with a row for each word of the reader's
            vocabulary, by which weights are carried over to other words; None where none has.
        said: lines for a run's log, of what was found while its network was built.
    """

    part: str = ""
    word_rows: str | None = None

    def __init__(self, config: Config, reader: WordReader | SubwordReader) -> None:
        self.config = config
        self.reader: Any = reader
        self.said: list[str] = []

    @classmethod
    def check_config(cls, config: Config, with_weights: bool = True) -> None:
        """InputError where a configuration asks for what this encoder is not or has not.

        Called before a run computes anything.

        Args:
            with_weights: see :meth:`build_for_training`.
        """

    @classmethod
    @abstractmethod
    def for_training(cls, config: Config, data: CaptionedData) -> TextEncoder:
        """The encoder that a configuration asks for.

        Args:
            data: what the prepared data set knows: ``vocabulary`` and ``tokenizer``.
        """

    @classmethod
    def for_training_after(
        cls, config: Config, data: CaptionedData, contents: dict, source: str
    ) -> TextEncoder:
        """The encoder of a run that goes on from a checkpoint, or begins with its weights.

        One that a checkpoint holds all of needs nothing else; others are made of the data again.

        Args:
            data: see :meth:`for_training`.
            contents, source: see :meth:`from_checkpoint`.

        Raises:
            InputError: where the checkpoint has another text encoder.
        """
        if cls.part in contents:
            return cls.from_checkpoint(config, contents, source)
        if cls.part:
            raise InputError(
                f"{source} holds no text encoder of text_model={config.text_model}: set text_model "
                "to that of the checkpoint."
            )
        return cls.for_training(config, data)

    @classmethod
    @abstractmethod
    def from_checkpoint(cls, config: Config, contents: dict, source: str) -> TextEncoder:
        """The encoder of a checkpoint.

        Args:
            contents: the checkpoint's header, with what :meth:`contents` put there.
            source: the file, for messages.

        Raises:
            InputError: when something is missing or malformed.
        """

    @abstractmethod
    def build(self) -> paddle.nn.Layer:
        """The network, weights as they begin: ``forward(captions, lengths)`` → codes."""

    def build_for_training(self, with_weights: bool = True) -> paddle.nn.Layer:
        """The network for training.

        Args:
            with_weights: begin with the weights that the configuration asks for; without, they
                are set afterwards.
        """
        return self.build()

    def pretrained_parameters(self, network: paddle.nn.Layer) -> list[paddle.Tensor]:
        """Those of its network that begin with weights of others, and that training is to move
        less: at ``pretrained_lr`` times the rate."""
        return []

    @abstractmethod
    def check_state(self, state: Mapping[str, np.ndarray], source: str) -> None:
        """InputError, before the network is built, when weights are of another size."""

    def contents(self) -> dict:
        """What a checkpoint holds of the encoder besides its weights, as JSON can hold it."""
        return self.reader.contents()


class ImageEncoder(ABC):
    """What goes by a name of ``image_model``.

    Args:
        config: the run's ``Config``.
        feature_size: numbers per image, or per cell of a grid, where images come as stored
            features; the network then has no backbone inside.
    """

    def __init__(self, config: Config, feature_size: int | None = None) -> None:
        self.config = config
        self.feature_size = feature_size

    @classmethod
    @abstractmethod
    def from_checkpoint(
        cls, config: Config, contents: dict, state: Mapping[str, np.ndarray], source: str
    ) -> ImageEncoder:
        """The encoder of a checkpoint.

        Args:
            contents: the checkpoint's header, with what :meth:`contents` put there.
            state: ``{parameter: ndarray}`` of its network.
            source: the file, for messages.

        Raises:
            InputError: when the weights are of no such encoder, or of another size.
        """

    @classmethod
    def for_training(cls, config: Config, feature_size: int | None = None) -> ImageEncoder:
        """The encoder that a configuration asks for; ``feature_size`` see :class:`ImageEncoder`.

        Raises:
            InputError: when the configuration does not fit it.
        """
        return cls(config, feature_size)

    @classmethod
    def described(cls, config: Config, contents: dict, source: str) -> ImageEncoder:
        """The encoder of a checkpoint, as far as its header tells; its weights are not needed.

        Args, raises: see :meth:`from_checkpoint`.
        """
        return cls(config)

    @property
    def preprocessing(self) -> Preprocessing:
        """What is done to a photograph before the network sees it."""
        return Preprocessing.configured(self.config)

    @property
    @abstractmethod
    def backbone_size(self) -> int:
        """Numbers that the backbone makes of an image."""

    @abstractmethod
    def check_sizes(self) -> None:
        """InputError when the backbone takes no images of the size that preprocessing gives."""

    @abstractmethod
    def frozen_backbone(self) -> paddle.nn.Layer:
        """The backbone with the weights that the configuration asks for: images → features."""

    def contents(self) -> dict:
        """What a checkpoint holds of the encoder besides its weights, as JSON can hold it."""
        return {}

    def check_keys(self) -> None:
        """InputError when keys of the configuration contradict each other or the network.

        It is asked before anything is computed, such as features.
        """
        return

    @abstractmethod
    def build(self) -> paddle.nn.Layer:
        """The network for use, its weights to be set: ``forward(images)`` → codes.

        It has ``encode_features`` (float32 ``[batch, feature_size]``, of a grid ``[batch, cells,
        feature_size]`` → codes), ``feature_size``, and, unless images come as stored features,
        ``backbone`` (images → features).
        """

    @abstractmethod
    def build_for_training(self, with_weights: bool = True) -> paddle.nn.Layer:
        """The network for training.

        Args:
            with_weights: begin with the weights that the configuration asks for; without, they
                are set afterwards.
        """


def encoders_for_training(
    config: Config,
    data: CaptionedData,
    feature_size: int | None = None,
    after: tuple[dict, str] | None = None,
) -> tuple[TextEncoder, ImageEncoder]:
    """The encoders that a configuration asks for.

    Args:
        config: the run's ``Config``.
        data: what the prepared data set knows: ``vocabulary`` and ``tokenizer``.
        feature_size: see :class:`ImageEncoder`.
        after: the checkpoint that a run goes on from or begins with: its header and its path.
    """
    text = find_text_encoder(config.text_model)
    return (
        text.for_training_after(config, data, *after) if after else text.for_training(config, data),
        find_image_encoder(config.image_model).for_training(config, feature_size),
    )


def find_text_encoder(name: str) -> type[TextEncoder]:
    """The class that goes by a name of ``text_model``; InputError for an unknown one."""
    if name not in tuple(TEXT_ENCODERS):
        nearest = difflib.get_close_matches(str(name), TEXT_ENCODERS, n=1, cutoff=0.0)[0]
        raise InputError(
            f"text_model: there is no text encoder {name!r}; the nearest is {nearest!r}, and all "
            f"are {', '.join(TEXT_ENCODERS)}."
        )
    return at_place(TEXT_ENCODERS[name])


def find_image_encoder(name: str) -> type[ImageEncoder]:
    """The class that goes by a name of ``image_model``; InputError for an unknown one."""
    if name not in tuple(IMAGE_ENCODERS):
        find_backbone(name)  # which names the nearest
    return at_place(IMAGE_ENCODERS[name])
