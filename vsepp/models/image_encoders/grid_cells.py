"""The image side of a captioner: each cell of a grid through one layer, none pooled."""

from __future__ import annotations

from typing import Any

import paddle

from vsepp.models.image_encoders.cnn import ImageRepExtractor
from vsepp.models.image_encoders.features import FeatureRepExtractor


class _Cells(FeatureRepExtractor):
    """What becomes of features; before a ``FeatureRepExtractor`` or one of its kind."""

    rectified: bool

    def encode_features(self, features: paddle.Tensor) -> paddle.Tensor:
        """float32 or float16 ``[images, cells, feature_size]`` → float32 ``[images, cells,
        cell_size]``."""
        self.check_features(features)
        values = self.values_of(self.prepared(features))
        return paddle.nn.functional.relu(values) if self.rectified else values

    def codes_of_features(self, features: paddle.Tensor) -> paddle.Tensor:
        return self.encode_features(features)


class FeatureCells(_Cells):
    """Features of the cells of a grid → cells.

    Args:
        feature_size: numbers of a cell's features.
        cell_size: numbers of a cell of the result.
        rectified: end in a ReLU.
        head: the arguments of :class:`FeatureRepExtractor` that say what becomes of features.
    """

    def __init__(
        self, feature_size: int, cell_size: int, rectified: bool = False, **head: Any
    ) -> None:
        super().__init__(feature_size, cell_size, pooling="mean", **head)
        self.rectified = rectified


class ImageCells(_Cells, ImageRepExtractor):
    """Images → cells of their grid.

    Args:
        cell_size, rectified: see :class:`FeatureCells`.
        options: the arguments of :class:`ImageRepExtractor`.
    """

    def __init__(self, cell_size: int, rectified: bool = False, **options: Any) -> None:
        ImageRepExtractor.__init__(self, cell_size, pooling="mean", **options)
        self.rectified = rectified
