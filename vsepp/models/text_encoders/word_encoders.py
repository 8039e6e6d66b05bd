"""``text_model`` ``gru`` and ``bigru``: encoders that read the words of a vocabulary."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from vsepp.config import Config
from vsepp.models.encoders import CaptionedData, TextEncoder
from vsepp.models.pooling import text_pooling
from vsepp.models.shapes import check_shapes
from vsepp.models.text_encoders.gru import TextRepExtractor
from vsepp.models.text_encoders.pooled_gru import LAST, PooledTextExtractor
from vsepp.models.text_encoders.text_dropout import TextDropout
from vsepp.models.word_rows import begin_with_vectors
from vsepp.system.errors import InputError
from vsepp.text.reader import WordReader
from vsepp.text.word_vectors import check_word_vectors


class GRUEncoder(TextEncoder):
    """``text_model: gru``."""

    reader: WordReader
    word_rows = "embedding.weight"
    both_ways = False

    @classmethod
    def check_config(cls, config: Config, with_weights: bool = True) -> None:
        text_pooling(config, LAST)
        if config.text_weights or config.text_frozen:
            key = "text_weights" if config.text_weights else "text_frozen"
            raise InputError(
                f"{key} is for a pretrained text encoder and text_model is {config.text_model}: "
                f"set text_model=bert, or leave {key} out."
            )
        if with_weights and config.word_vectors:
            check_word_vectors(config.word_vectors, config.word_dim)

    @classmethod
    def for_training(cls, config: Config, data: CaptionedData) -> GRUEncoder:
        return cls(config, WordReader(data.vocabulary, data.tokenizer))

    @classmethod
    def from_checkpoint(cls, config: Config, contents: dict, source: str) -> GRUEncoder:
        return cls(config, WordReader.from_contents(contents, source))

    def build(self) -> TextRepExtractor:
        config, pooling = self.config, text_pooling(self.config, LAST)
        dropout = TextDropout.configured(config, self.reader.vocabulary)
        sizes = (
            len(self.reader.vocabulary),
            config.word_dim,
            config.embed_size,
            config.num_layers,
            config.use_abs,
        )
        residual = config.projection == "residual"
        if not (self.both_ways or residual or pooling != LAST or any(dropout[:3])):
            return TextRepExtractor(*sizes)
        return PooledTextExtractor(
            *sizes,
            self.both_ways,
            pooling,
            dropout,
            config.projection,
            config.normalize_images if residual else True,
        )

    def build_for_training(self, with_weights: bool = True) -> TextRepExtractor:
        network = self.build()
        if with_weights and self.config.word_vectors:
            weight, path = network.embedding.weight, self.config.word_vectors
            self.said.append(begin_with_vectors(weight, self.reader.vocabulary, path))
        return network

    def check_state(self, state: Mapping[str, np.ndarray], source: str) -> None:
        config = self.config
        shapes: dict[str, tuple[int, ...]] = {
            "embedding.weight": (len(self.reader.vocabulary), config.word_dim)
        }
        for way in ("", "_reverse") if self.both_ways else ("",):
            last = f"gru.weight_hh_l{config.num_layers - 1}{way}"
            shapes[last] = (3 * config.embed_size, config.embed_size)
        check_shapes(state, shapes, source)


class BiGRUEncoder(GRUEncoder):
    """``text_model: bigru``: a GRU from either end, their states of each word averaged."""

    both_ways = True
