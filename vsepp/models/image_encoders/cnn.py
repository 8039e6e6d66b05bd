"""The image encoder of VSE++: a backbone or its stored features, then one linear layer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import paddle
from paddle import nn

from vsepp.config import Config
from vsepp.data.transforms import MEAN, STD
from vsepp.models.backbones import build_backbone, check_image_size, feature_size
from vsepp.models.embedding import l2_normalize
from vsepp.models.encoders import ImageEncoder, check_shapes
from vsepp.models.twins import compute
from vsepp.models.twins.small_maps import hasten_small_maps
from vsepp.models.weights import initialise_backbone
from vsepp.system.errors import InputError

BACKBONE = "backbone."  # how the names of a backbone's parameters begin


def _linear(size: int, embed_size: int) -> nn.Linear:
    """A linear layer with Xavier-normal weights and bias 0."""
    std = math.sqrt(2.0 / (size + embed_size))
    return nn.Linear(
        size,
        embed_size,
        weight_attr=nn.initializer.Normal(0.0, std),
        bias_attr=nn.initializer.Constant(0.0),
    )


class FeatureRepExtractor(nn.Layer):
    """Precomputed features → vectors of the joint space.

    Args:
        feature_size: numbers per image.
        embed_size: size of the result.
        normalize: L2-normalise the result.
        normalize_features: L2-normalise the features before the linear layer.
        use_abs: take absolute values at the end, as Order0 of the authors does.
    """

    def __init__(
        self,
        feature_size: int,
        embed_size: int,
        normalize: bool = True,
        normalize_features: bool = False,
        use_abs: bool = False,
    ) -> None:
        super().__init__()
        self.feature_size = feature_size
        self.fc = _linear(feature_size, embed_size)
        self.normalize = normalize
        self.normalize_features = normalize_features
        self.use_abs = use_abs

    def encode_features(self, features: paddle.Tensor) -> paddle.Tensor:
        """float32 ``[batch, feature_size]`` → float32 ``[batch, embed_size]``."""
        if self.normalize_features:
            features = l2_normalize(features)
        codes = self.fc(features)
        if self.normalize:
            codes = l2_normalize(codes)
        return paddle.abs(codes) if self.use_abs else codes

    def forward(self, features: paddle.Tensor) -> paddle.Tensor:
        """float32 ``[batch, feature_size]`` → float32 ``[batch, embed_size]``."""
        return self.encode_features(features)


class ImageRepExtractor(FeatureRepExtractor):
    """Images → vectors of the joint space (VSE++, section 3.2).

    Args:
        embed_size: size of the result.
        pretrained_model: name of the backbone, see ``vsepp.models.backbones.BACKBONES``.
        finetuned: train the backbone too. Otherwise it is frozen and always in evaluation
            mode, so that neither its weights nor its batch statistics move.
        pretrained: start from ImageNet weights, downloaded by Paddle when it has them not.
        weights: file with the backbone's weights; goes before ``pretrained``.
        normalize, normalize_features, use_abs: see :class:`FeatureRepExtractor`.
        mean, std: that pixels are normalised with, of the channels, in units of 255.
        backbone: a network that ``pretrained_model`` does not name, with its weights and its
            ``feature_size``; nothing else is done to it.

    Raises:
        InputError: for an unknown backbone, or weights that are missing or do not fit.
    """

    def __init__(
        self,
        embed_size: int,
        pretrained_model: str = "resnet152",
        finetuned: bool = True,
        pretrained: bool = True,
        weights: str | None = None,
        normalize: bool = True,
        normalize_features: bool = False,
        use_abs: bool = False,
        mean: Sequence[float] | np.ndarray = MEAN,
        std: Sequence[float] | np.ndarray = STD,
        backbone: nn.Layer | None = None,
    ) -> None:
        size = backbone.feature_size if backbone else feature_size(pretrained_model)
        super().__init__(size, embed_size, normalize, normalize_features, use_abs)
        self.finetuned = finetuned
        self.mean, self.std = mean, std
        self.backbone = backbone or build_backbone(pretrained_model)
        if backbone is None:
            initialise_backbone(self.backbone, pretrained_model, pretrained, weights)
        if not finetuned:
            for parameter in self.backbone.parameters():
                parameter.stop_gradient = True
            self.backbone.eval()

    def train(self) -> ImageRepExtractor:
        """Training mode for all but a frozen backbone."""
        super().train()
        if not self.finetuned:
            self.backbone.eval()
        return self

    def __call__(self, images: paddle.Tensor) -> paddle.Tensor:
        """Codes of images by the way that is fastest where they lie; see :meth:`forward`."""
        if not paddle.in_dynamic_mode():
            return super().__call__(images)
        return compute(self, images)

    def forward(self, images: paddle.Tensor) -> paddle.Tensor:
        """Images → float32 ``[batch, embed_size]``.

        Args:
            images: float32 ``[batch, 3, height, width]``, normalised already; or uint8
                ``[batch, height, width, 3]``, pixels that are normalised here.
        """
        if images.dtype == paddle.uint8:
            images = self.normalized(images)
        if self.finetuned:
            features = self.backbone(images)
        else:
            self.backbone.eval()  # a layer around this one calls no train() of ours
            with paddle.no_grad():
                features = self.backbone(images)
        return self.encode_features(features)

    def normalized(self, pixels: paddle.Tensor) -> paddle.Tensor:
        """uint8 ``[batch, height, width, 3]`` → float32 ``[batch, 3, height, width]``."""
        # Tensors, not numbers: dividing by a number multiplies by its rounded inverse.
        scaled = pixels.astype("float32") / paddle.full([1], 255, "float32")
        mean, std = (paddle.to_tensor(values, "float32") for values in (self.mean, self.std))
        return ((scaled - mean) / std).transpose([0, 3, 1, 2])


class CNNEncoder(ImageEncoder):
    """``image_model``: one of ``BACKBONES``, or its stored features."""

    @classmethod
    def from_checkpoint(
        cls, config: Config, contents: dict, state: Mapping[str, np.ndarray], source: str
    ) -> CNNEncoder:
        size = None
        if not any(name.startswith(BACKBONE) for name in state):
            if "fc.weight" not in state:
                raise InputError(f"{source} holds no image encoder: give another checkpoint.")
            size = state["fc.weight"].shape[0] if state["fc.weight"].ndim else 0
        check_shapes(state, {"fc.bias": (config.embed_size,)}, source)
        return cls(config, size)

    @property
    def backbone_size(self) -> int:
        return feature_size(self.config.image_model)

    def check_sizes(self) -> None:
        steps = self.preprocessing
        check_image_size(self.config.image_model, steps.image_size, steps.resize)

    def frozen_backbone(self) -> nn.Layer:
        config = self.config
        backbone = build_backbone(config.image_model)
        initialise_backbone(backbone, config.image_model, config.pretrained, config.weights)
        return backbone

    def build(self) -> FeatureRepExtractor:
        return self._build(finetuned=False, pretrained=False, weights=None)

    def build_for_training(self, with_weights: bool = True) -> FeatureRepExtractor:
        config = self.config
        network = self._build(
            finetuned=config.finetuned,
            pretrained=with_weights and config.pretrained,
            weights=config.weights if with_weights else None,
        )
        if isinstance(network, ImageRepExtractor):
            hasten_small_maps(network.backbone)
        return network

    def _build(self, **backbone: Any) -> FeatureRepExtractor:
        config, preprocessing = self.config, self.preprocessing
        head: dict[str, Any] = dict(
            normalize=config.normalize_images,
            normalize_features=config.normalize_features,
            use_abs=config.use_abs,
        )
        if self.feature_size is not None:
            return FeatureRepExtractor(self.feature_size, config.embed_size, **head)
        return ImageRepExtractor(
            config.embed_size,
            config.image_model,
            mean=preprocessing.mean,
            std=preprocessing.std,
            backbone=self.own_backbone(),
            **backbone,
            **head,
        )

    def own_backbone(self) -> nn.Layer | None:
        """A network that is no one of ``BACKBONES``, its weights to be set, or None."""
        return None
