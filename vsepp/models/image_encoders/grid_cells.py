"""The image side of a captioner: each cell of a grid through one layer, none pooled."""

from __future__ import annotations

from typing import Any

import paddle
from paddle import nn

from vsepp.models.image_encoders.cnn import ImageRepExtractor
from vsepp.models.image_encoders.features import FeatureRepExtractor
from vsepp.models.twins.affine import affine


class _Cells(FeatureRepExtractor):
    """What becomes of features; before a ``FeatureRepExtractor`` or one of its kind."""

    rectified: bool

    def encode_features(self, features: paddle.Tensor) -> paddle.Tensor:
        """float32 or float16 ``[images, cells, feature_size]`` → float32 ``[images, cells,
        cell_size]``."""
        self.check_features(features)
        read = self.prepared(features)
        linear = type(self.fc) is nn.Linear and self.mlp is None
        if linear and paddle.in_dynamic_mode() and read.place.is_cpu_place():
            return affine(self.fc, read, self.rectified)
        return self._cells_of(read)

    def codes_of_features(self, features: paddle.Tensor) -> paddle.Tensor:
        """What :meth:`encode_features` gives, with tensors alone."""
        self.check_features(features)
        return self._cells_of(self.prepared(features))

    def _cells_of(self, read: paddle.Tensor) -> paddle.Tensor:
        values = self.values_of(read)
        return nn.functional.relu(values) if self.rectified else values


class FeatureCells(_Cells):
    """Features of the cells of a grid → cells.

    Args:
        feature_size: numbers of a cell's features.
        cell_size: numbers of a cell of the result.
        rectified: end in a ReLU.
        head: further arguments of :class:`FeatureRepExtractor`; what it does to codes is not done.
    """

    def __init__(
        self, feature_size: int, cell_size: int, rectified: bool = False, **head: Any
    ) -> None:
        # any pooling: an image is a grid, and is not pooled
        super().__init__(feature_size, cell_size, pooling="mean", **head)
        self.rectified = rectified

    def forward(self, features: paddle.Tensor) -> paddle.Tensor:
        """See :meth:`encode_features`."""
        return self.encode_features(features)


class ImageCells(_Cells, ImageRepExtractor):
    """Images → cells of their grid.

    Args:
        cell_size, rectified: see :class:`FeatureCells`.
        options: further arguments of :class:`ImageRepExtractor`.
    """

    def __init__(self, cell_size: int, rectified: bool = False, **options: Any) -> None:
        ImageRepExtractor.__init__(self, cell_size, pooling="mean", **options)
        self.rectified = rectified
