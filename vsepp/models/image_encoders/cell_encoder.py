"""The image encoder of a captioner, by the names of ``image_model``."""

from __future__ import annotations

from typing import Any

from vsepp.config import Config
from vsepp.models.backbones import BACKBONES
from vsepp.models.decoders import find_caption_decoder
from vsepp.models.image_encoders.cnn import CNNEncoder
from vsepp.models.image_encoders.features import FeatureRepExtractor
from vsepp.models.image_encoders.grid_cells import FeatureCells, ImageCells
from vsepp.system.errors import InputError


class CellEncoder(CNNEncoder):
    """A backbone of ``BACKBONES`` with a map of cells, or its stored grids."""

    @staticmethod
    def code_size(config: Config) -> int:
        return config.cell_size

    def check_keys(self) -> None:
        config = self.config
        if config.image_model not in BACKBONES:
            raise InputError(
                f"caption_model: {config.image_model} gives a captioner no cells to look at: set "
                "image_model to a network with a map, such as resnet50."
            )
        if config.image_features != "grid":
            raise InputError(
                f"caption_model: {config.caption_model} looks at the cells of a grid: set "
                "image_features=grid."
            )
        super().check_keys()

    def _build(self, **backbone: Any) -> FeatureRepExtractor:
        config, steps = self.config, self.preprocessing
        head: dict[str, Any] = dict(
            rectified=find_caption_decoder(str(config.caption_model)).rectified,
            normalize_features=config.normalize_features,
            mlp=config.image_mlp,
            feature_dropout=config.feature_dropout,
            cell_dropout=config.cell_dropout,
        )
        if self.feature_size is not None:
            return FeatureCells(self.feature_size, config.cell_size, **head)
        return ImageCells(
            config.cell_size,
            pretrained_model=config.image_model,
            mean=steps.mean,
            std=steps.std,
            grid=config.image_grid,
            **backbone,
            **head,
        )
