"""The networks of a checkpoint, ready for use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np
import paddle

from vsepp.checkpoint import RETRIEVAL, check_kind, load_checkpoint, read_header
from vsepp.config import KEYS, Config, apply
from vsepp.data.prepared import Prepared
from vsepp.data.preprocessing import Preprocessing
from vsepp.data.stored.features import GIVEN, FeatureOrigin, FeatureStore
from vsepp.models.device import backbone_precision
from vsepp.models.encoders import find_image_encoder, find_text_encoder
from vsepp.models.state import set_state
from vsepp.system.errors import InputError
from vsepp.system.threads import computes_in_bfloat16
from vsepp.text.vocabulary import Vocabulary

Found = TypeVar("Found")


class ImageNetwork:
    """The image encoder of a checkpoint, built when it is first needed.

    Args:
        checkpoint: the file.

    Attributes:
        config: the run's ``Config``.
        fingerprint: of the weights.
        frozen: what the header says of the frozen backbone that it was trained over, or None.
        exif: whether the photographs that it was trained on were turned as EXIF says.
    """

    def __init__(self, checkpoint: str | Path) -> None:
        self.checkpoint = str(checkpoint)
        self._header = header = read_header(checkpoint)
        known = {key: value for key, value in header["config"].items() if key in KEYS}
        self.config = apply(Config(), known, self.checkpoint)
        self.fingerprint = header["fingerprint"]
        self.frozen = header.get("backbone")
        self.exif: bool = header.get("exif", False)

    def _found(self, find: Callable[[str], Found], name: str) -> Found:
        try:
            return find(name)
        except InputError as error:
            raise InputError(f"{self.checkpoint}: {error}") from None

    @property
    def embed_size(self) -> int:
        """Numbers per code."""
        return self.config.embed_size

    @cached_property
    def preprocessing(self) -> Preprocessing:
        """What is done to a photograph before the network sees it."""
        find = self._found(find_image_encoder, self.config.image_model)
        return find.described(self.config, self._header, self.checkpoint).preprocessing

    def feature_store(self, prepared: Prepared) -> FeatureStore | None:
        """Where the features of a data set that the model was trained over would be, or those that
        came with it; None where the model looks at photographs."""
        origin = FeatureOrigin.from_record(self.frozen) if self.frozen else prepared.features
        if origin is None:
            return None
        if origin.backbone != GIVEN:  # of this data set's photographs, opened as it says
            origin = replace(origin, encoding=replace(origin.encoding, exif=prepared.exif))
        return FeatureStore(prepared.folder, origin)

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
        encoder = find.from_checkpoint(self.config, self._header, state, self.checkpoint)
        return self._ready(encoder.build(), state)

    def _part(self, prefix: str) -> dict[str, np.ndarray]:
        state = load_checkpoint(self.checkpoint, parts=(f"model/{prefix}",))["model"]
        return {name[len(prefix) :]: value for name, value in state.items()}

    def _ready(self, network: paddle.nn.Layer, state: Mapping[str, np.ndarray]) -> paddle.nn.Layer:
        set_state(network, state, self.checkpoint)
        network.eval()
        return network


class Networks(ImageNetwork):
    """The image encoder and the text encoder of a checkpoint.

    Each is built when it is first needed, so that a sentence does not wait for a backbone.

    Args:
        checkpoint: the file.

    Attributes: see :class:`vsepp.retrieval.model.RetrievalModel`.
    """

    def __init__(self, checkpoint: str | Path) -> None:
        super().__init__(checkpoint)
        check_kind(self._header, checkpoint, RETRIEVAL)
        self._text = self._found(find_text_encoder, self.config.text_model).from_checkpoint(
            self.config, self._header, self.checkpoint
        )
        self.reader = self._text.reader
        self.measure = self.config.measure

    @property
    def vocabulary(self) -> Vocabulary:
        """The ``Vocabulary`` of an encoder that has a word list."""
        return self.reader.vocabulary

    @property
    def tokenizer(self) -> str:
        """Name of what cuts sentences as the training captions were cut."""
        return self.reader.tokenizer

    @cached_property
    def text_extractor(self) -> paddle.nn.Layer:
        """The text encoder's network."""
        state = self._part("text_extractor.")
        self._text.check_state(state, self.checkpoint)
        return self._ready(self._text.build(), state)
