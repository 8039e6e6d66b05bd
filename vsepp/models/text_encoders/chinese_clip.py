"""The text side of Chinese-CLIP (Yang et al., 2022): a BERT whose first state is projected."""

from __future__ import annotations

from vsepp.config import Config
from vsepp.models.encoders import CaptionedData
from vsepp.models.text_encoders.bert import BertEncoder, BertExtractor
from vsepp.models.towers import begin_with_tower, tower_header
from vsepp.system.errors import InputError
from vsepp.text.contexts import ContextReader


class ChineseCLIPEncoder(BertEncoder):
    """``text_model: chinese_clip``: as ``bert``, from a checkpoint in place of a folder."""

    reads_with = ContextReader

    @classmethod
    def check_config(cls, config: Config, with_weights: bool = True) -> None:
        if config.word_vectors:
            raise InputError(
                "word_vectors are for text_model gru or bigru, a CLIP has its own: leave them out."
            )

    @classmethod
    def for_training(cls, config: Config, data: CaptionedData) -> ChineseCLIPEncoder:
        cls.check_config(config)
        header, path = tower_header(config, "text_weights")
        encoder = cls.from_checkpoint(config, header, path)
        assert isinstance(encoder, ChineseCLIPEncoder)  # nosec B101
        return encoder

    def build_for_training(self, with_weights: bool = True) -> BertExtractor:
        network = self.build()
        if with_weights:
            begin_with_tower(network, self.config, "text_weights")
        return network
