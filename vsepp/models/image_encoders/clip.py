"""The image side of CLIP: a backbone as any other, but for its sizes, which its checkpoint says.

The projection is the linear layer that every image encoder ends in, its bias zero where CLIP has
none. So photographs, stored features and heads over them go the way of the other backbones.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from paddle import nn

from vsepp.config import Config
from vsepp.data.encoding import Encoding
from vsepp.data.preprocessing import Preprocessing
from vsepp.models.image_encoders.cnn import BACKBONE, CNNEncoder
from vsepp.models.image_encoders.features import FeatureRepExtractor
from vsepp.models.shapes import check_shapes
from vsepp.models.state import set_state
from vsepp.models.towers import (
    begin_with_tower,
    of_checkpoint,
    tower_file,
    tower_header,
    tower_sizes,
    tower_state,
)
from vsepp.system.errors import InputError

_LARGEST = 2**14  # pixels of a resized photograph's shorter side
_PART = "image_encoder"  # of a header: sizes, and how photographs are made ready


def preprocessing_record(steps: Preprocessing) -> dict[str, Any]:
    """What a header keeps of how photographs are made ready."""
    record = Encoding("", steps).record()
    del record["fingerprint"]
    return record


class CLIPImageEncoder(CNNEncoder):
    """What goes by ``clip_vit`` and ``clip_resnet``.

    Args:
        config: the run's ``Config``.
        feature_size: see :class:`vsepp.models.encoders.ImageEncoder`.
        sizes: of the network, with the names in ``kinds``.
        steps: what is done to a photograph first.

    Attributes:
        kinds: ``{name: type}`` of the sizes that its header says.
    """

    kinds: ClassVar[dict[str, type]]

    def __init__(
        self, config: Config, feature_size: int | None, sizes: dict[str, Any], steps: Preprocessing
    ) -> None:
        super().__init__(config, feature_size)
        self.sizes = sizes
        self._steps = steps

    @classmethod
    def for_training(cls, config: Config, feature_size: int | None = None) -> CLIPImageEncoder:
        encoder = cls.described(config, *tower_header(config, "weights"))
        encoder.feature_size = feature_size
        return encoder

    @classmethod
    def described(cls, config: Config, contents: dict, source: str) -> CLIPImageEncoder:
        sizes = tower_sizes(contents, _PART, {**cls.kinds, "preprocessing": dict}, source)
        try:
            record = {"fingerprint": "", **sizes.pop("preprocessing")}
            steps = Encoding.from_record(record).preprocessing
            for name in ("resize", "image_size"):
                if not 0 < getattr(steps, name) <= _LARGEST:
                    raise ValueError(f"its {name!r} is {getattr(steps, name)}")
            if steps.image_size > steps.resize:
                raise ValueError("its 'image_size' is more than its 'resize'")
        except ValueError as error:
            raise of_checkpoint(source, f"of its 'preprocessing', {error}") from None
        encoder = cls(config, None, sizes, steps)
        try:
            encoder.check_layers()
        except InputError as error:
            raise of_checkpoint(source, error) from None
        return encoder

    @classmethod
    def from_checkpoint(
        cls, config: Config, contents: dict, state: Mapping[str, np.ndarray], source: str
    ) -> CLIPImageEncoder:
        encoder = cls.described(config, contents, source)
        if not any(name.startswith(BACKBONE) for name in state):
            encoder.feature_size = encoder.backbone_size
        else:
            encoder.check_state(state, source)
        bias = "fc.bias" if config.projection == "linear" else "fc.first.bias"
        check_shapes(state, {bias: (config.embed_size,)}, source)
        return encoder

    @property
    def preprocessing(self) -> Preprocessing:
        return self._steps

    def check_keys(self) -> None:
        if self.config.image_features != "global":
            raise InputError(
                f"image_features: {self.config.image_model} has no grid: set image_features=global."
            )
        super().check_keys()

    def check_sizes(self) -> None:
        """They are the checkpoint's, and fit."""

    def contents(self) -> dict:
        return {_PART: {**self.sizes, "preprocessing": preprocessing_record(self._steps)}}

    @abstractmethod
    def network(self) -> nn.Layer:
        """The backbone, its weights to be set."""

    @abstractmethod
    def check_layers(self) -> None:
        """InputError for sizes that no network has, whatever its weights are."""

    @abstractmethod
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """``{parameter: shape}`` of the backbone, of those that together tell how large it is."""

    def frozen_backbone(self) -> nn.Layer:
        path = tower_file(self.config, "weights")
        state = tower_state(path, f"image_extractor.{BACKBONE}")
        if not state:
            raise InputError(
                f"{path} does not hold the backbone that it was trained over: give the checkpoint "
                "of the CLIP, or the best one of that run."
            )
        self.check_state({BACKBONE + name: value for name, value in state.items()}, path)
        backbone = self.network()
        set_state(backbone, state, path)
        return backbone

    def own_backbone(self) -> nn.Layer:
        backbone = self.network()
        backbone.feature_size = self.backbone_size
        return backbone

    def build_for_training(self, with_weights: bool = True) -> FeatureRepExtractor:
        network = super().build_for_training(with_weights=False)
        if with_weights:
            begin_with_tower(network, self.config, "weights", self.feature_size is not None)
        return network

    def check_state(self, state: Mapping[str, np.ndarray], source: str) -> None:
        """InputError before a backbone is built that its weights do not fit."""
        shapes = {BACKBONE + name: shape for name, shape in self.shapes().items()}
        check_shapes(state, shapes, source)
