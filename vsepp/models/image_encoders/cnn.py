"""The image encoder of VSE++: a backbone or its stored features, then one linear layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import paddle
from paddle import nn

from vsepp.config import Config
from vsepp.data.transforms import MEAN, STD
from vsepp.models.backbones import (
    build_backbone,
    check_grid,
    check_image_size,
    feature_size,
    with_own_images,
)
from vsepp.models.cells import count_cells
from vsepp.models.encoders import ImageEncoder
from vsepp.models.image_encoders.features import FeatureRepExtractor
from vsepp.models.shapes import check_shapes
from vsepp.models.twins import compute
from vsepp.models.twins.small_maps import hasten_small_maps
from vsepp.models.weights import initialise_backbone
from vsepp.system.errors import InputError

if TYPE_CHECKING:
    from typing_extensions import Self  # which Python's typing has from 3.11 on

BACKBONE = "backbone."  # how the names of a backbone's parameters begin
#: keys that say something of the cells of a grid alone → the value that says nothing
_OF_A_GRID = {"image_pooling": "mean", "image_grid": 0, "cell_dropout": 0.0}


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
        grid: cells a side that the backbone's last map is averaged to (0: as it is), where
            ``pooling`` is given.
        head: ``pooling`` and what follows it of :class:`FeatureRepExtractor`.

    Raises:
        InputError: for an unknown backbone, weights that are missing or do not fit, or a grid of
            a backbone that has none.
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
        grid: int = 0,
        backbone: nn.Layer | None = None,
        **head: Any,
    ) -> None:
        cells = head.get("pooling") is not None
        size = backbone.feature_size if backbone else feature_size(pretrained_model, cells)
        super().__init__(size, embed_size, normalize, normalize_features, use_abs, **head)
        self.finetuned = finetuned
        self.mean, self.std = mean, std
        if backbone is None:
            backbone = build_backbone(pretrained_model, grid if cells else None)
            initialise_backbone(backbone, pretrained_model, pretrained, weights, mean, std)
        self.backbone = backbone
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
    def for_training(cls, config: Config, feature_size: int | None = None) -> Self:
        return cls(with_own_images(config), feature_size)

    @classmethod
    def from_checkpoint(
        cls, config: Config, contents: dict, state: Mapping[str, np.ndarray], source: str
    ) -> Self:
        linear = "fc" if config.projection == "linear" else "fc.first"
        weight, bias = f"{linear}.weight", f"{linear}.bias"
        size = None
        if not any(name.startswith(BACKBONE) for name in state):
            if weight not in state:
                raise InputError(f"{source} holds no image encoder: give another checkpoint.")
            size = state[weight].shape[0] if state[weight].ndim else 0
        check_shapes(state, {bias: (cls.code_size(config),)}, source)
        return cls(config, size)

    @staticmethod
    def code_size(config: Config) -> int:
        """Numbers that its linear layer gives."""
        return config.embed_size

    @property
    def backbone_size(self) -> int:
        return feature_size(self.config.image_model, self.config.image_features == "grid")

    def check_sizes(self) -> None:
        steps = self.preprocessing
        check_image_size(self.config.image_model, steps.image_size, steps.resize)

    def frozen_backbone(self) -> nn.Layer:
        config, steps = self.config, self.preprocessing
        grid = config.image_grid if config.image_features == "grid" else None
        backbone = build_backbone(config.image_model, grid)
        initialise_backbone(
            backbone, config.image_model, config.pretrained, config.weights, steps.mean, steps.std
        )
        return backbone

    def check_keys(self) -> None:
        config = self.config
        grid = config.image_features == "grid"
        if grid:
            check_grid(config.image_model)
        for key, without in _OF_A_GRID.items():
            if not grid and getattr(config, key) != without:
                raise InputError(
                    f"{key}: {getattr(config, key)} is of the cells of a grid, and "
                    f"image_features is {config.image_features}: set image_features=grid, or "
                    f"{key}={without}."
                )
        if config.image_mlp and config.projection == "residual":
            raise InputError(
                "image_mlp: it stands beside a linear layer, which projection=residual replaces: "
                "set image_mlp=false, or projection=linear."
            )

    def build(self) -> FeatureRepExtractor:
        return self._build(finetuned=False, pretrained=False, weights=None)

    def build_for_training(self, with_weights: bool = True) -> FeatureRepExtractor:
        config = self.config
        self.check_keys()
        network = self._build(
            finetuned=config.finetuned,
            pretrained=with_weights and config.pretrained,
            weights=config.weights if with_weights else None,
        )
        if isinstance(network, ImageRepExtractor):
            hasten_small_maps(network.backbone)
            if network.pooling is not None:
                count_cells(network.backbone, config.image_size)  # which refuses too many
        return network

    def _build(self, **backbone: Any) -> FeatureRepExtractor:
        config, preprocessing = self.config, self.preprocessing
        head: dict[str, Any] = dict(
            normalize=config.normalize_images,
            normalize_features=config.normalize_features,
            use_abs=config.use_abs,
            pooling=config.image_pooling if config.image_features == "grid" else None,
            mlp=config.image_mlp,
            projection=config.projection,
            feature_dropout=config.feature_dropout,
            cell_dropout=config.cell_dropout,
        )
        if self.feature_size is not None:
            return FeatureRepExtractor(self.feature_size, config.embed_size, **head)
        return ImageRepExtractor(
            config.embed_size,
            config.image_model,
            mean=preprocessing.mean,
            std=preprocessing.std,
            grid=config.image_grid,
            backbone=self.own_backbone(),
            **backbone,
            **head,
        )

    def own_backbone(self) -> nn.Layer | None:
        """A network that is no one of ``BACKBONES``, its weights to be set, or None."""
        return None
