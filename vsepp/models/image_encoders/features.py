"""From features of images, of the whole or of each cell, to codes."""

from __future__ import annotations

import math

import paddle
from paddle import nn

from vsepp.models.dropout import drop_numbers
from vsepp.models.embedding import l2_normalize
from vsepp.models.image_encoders.cell_dropout import kept_cells, kept_first
from vsepp.models.pooling import build_pooling
from vsepp.models.projection import ResidualProjection
from vsepp.models.twins import find_twin
from vsepp.system.errors import InputError


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
        feature_size: numbers per image, or per cell of a grid.
        embed_size: size of the result.
        normalize: L2-normalise the result.
        normalize_features: L2-normalise the features before the linear layer.
        use_abs: take absolute values at the end, as Order0 of the authors does.
        pooling: images come as grids; how the codes of the cells become one, see
            ``vsepp.models.pooling.POOLINGS``. None: an image is one vector.
        mlp: add two linear layers, with a ReLU between them, to the linear layer (VSE∞).
        projection: ``linear``, or ``residual`` in place of the linear layer, see
            :class:`vsepp.models.projection.ResidualProjection`.
        feature_dropout: share of the features that a step of training leaves out.
        cell_dropout: share of the cells that it leaves out; one stays at least.
    """

    def __init__(
        self,
        feature_size: int,
        embed_size: int,
        normalize: bool = True,
        normalize_features: bool = False,
        use_abs: bool = False,
        pooling: str | None = None,
        mlp: bool = False,
        projection: str = "linear",
        feature_dropout: float = 0.0,
        cell_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.feature_size = feature_size
        residual = projection == "residual"
        self.fc = (ResidualProjection if residual else _linear)(feature_size, embed_size)
        self.normalize = normalize
        self.normalize_features = normalize_features
        self.use_abs = use_abs
        hidden = max(embed_size // 2, 1)
        self.mlp = (
            nn.Sequential(_linear(feature_size, hidden), nn.ReLU(), _linear(hidden, embed_size))
            if mlp
            else None
        )
        self.pooling = None if pooling is None else build_pooling(pooling)
        self.feature_dropout = feature_dropout
        self.cell_dropout = cell_dropout

    def encode_features(self, features: paddle.Tensor) -> paddle.Tensor:
        """Codes of features by the way that is fastest where they lie; see :meth:`forward`."""
        if paddle.in_dynamic_mode() and features.place.is_cpu_place():
            twin = find_twin(FeatureRepExtractor)
            if twin is not None:
                return twin(self, features)
        return self.codes_of_features(features)

    def codes_of_features(self, features: paddle.Tensor) -> paddle.Tensor:
        """What :meth:`forward` gives, with tensors alone."""
        self.check_features(features)
        features = self.prepared(features)
        if self.pooling is None:
            return self.code_of(self.values_of(features))
        kept = self.drawn_cells(features)
        if kept is None:
            lengths = paddle.ones_like(features[:, :, 0]).sum(axis=1).astype("int64")
        else:
            rows, lengths = kept_first(kept)
            features = features.flatten(0, 1)[rows]
        return self.code_of(self.pooling(self.values_of(features), lengths))

    def check_features(self, features: paddle.Tensor) -> None:
        """InputError for features of images where those of cells are wanted, or the reverse."""
        if len(features.shape) != (2 if self.pooling is None else 3):
            wanted = "[n, size]" if self.pooling is None else "[n, cells, size]"
            raise InputError(
                f"features must be of shape {wanted}, not {list(features.shape)}: image_features "
                "says which the model takes."
            )

    def prepared(self, features: paddle.Tensor) -> paddle.Tensor:
        """Features as the linear layer reads them: float32 ``[…, feature_size]``."""
        features = features.astype("float32")
        if self.normalize_features:
            features = l2_normalize(features)
        return drop_numbers(features, self.feature_dropout) if self.training else features

    def drawn_cells(self, features: paddle.Tensor) -> paddle.Tensor | None:
        """Which cells of ``[images, cells, …]`` a step of training keeps; None: all."""
        if not (self.training and self.cell_dropout):
            return None
        images, cells = features.shape[:2]
        return kept_cells(images, cells, self.cell_dropout)

    def values_of(self, features: paddle.Tensor) -> paddle.Tensor:
        """float32 ``[…, feature_size]`` → ``[…, embed_size]``."""
        values = self.fc(features)
        return values if self.mlp is None else values + self.mlp(features)

    def code_of(self, values: paddle.Tensor) -> paddle.Tensor:
        """The code that the values ``[batch, embed_size]`` of an image stand for."""
        if self.normalize:
            values = l2_normalize(values)
        return paddle.abs(values) if self.use_abs else values

    def forward(self, features: paddle.Tensor) -> paddle.Tensor:
        """float32 or float16 ``[batch, feature_size]``, or a grid's ``[batch, cells,
        feature_size]`` → float32 ``[batch, embed_size]``."""
        return self.codes_of_features(features)
