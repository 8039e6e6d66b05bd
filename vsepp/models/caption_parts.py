"""What a captioner is made of, as a configuration or a checkpoint has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from vsepp.config import Config
from vsepp.models.caption_decoders.word_decoder import WordDecoder
from vsepp.models.captioner import Captioner
from vsepp.models.decoders import OWN_KEYS, find_caption_decoder
from vsepp.models.image_encoders.cell_encoder import CellEncoder
from vsepp.models.shapes import check_shapes
from vsepp.models.text_encoders.text_dropout import TextDropout
from vsepp.models.word_rows import begin_with_vectors
from vsepp.system.errors import InputError
from vsepp.text.reader import WordReader
from vsepp.text.word_vectors import check_word_vectors

DECODER = "decoder."  # how the names of the decoder's parameters begin in a captioner
#: parameters of the decoder with a place for each word → along which axis
WORD_ROWS = {"embedding.weight": 0, "vocabulary.weight": 1, "vocabulary.bias": 0}


class DecoderParts:
    """``caption_model``: a decoder, and the words that it writes.

    Args:
        config: the run's ``Config``.
        reader: its vocabulary, and what cuts the captions into it.

    Attributes:
        said: lines for a run's log, of what was found while the network was built.
    """

    def __init__(self, config: Config, reader: WordReader) -> None:
        self.config = config
        self.reader = reader
        self.kind = find_caption_decoder(str(config.caption_model))
        self.said: list[str] = []

    @classmethod
    def from_checkpoint(cls, config: Config, contents: dict, source: str) -> DecoderParts:
        """The decoder of a checkpoint, by its header; InputError where that is malformed."""
        try:
            find_caption_decoder(str(config.caption_model))
        except InputError as error:
            raise InputError(f"{source}: {error}") from None
        return cls(config, WordReader.from_contents(contents, source))

    def build(self) -> WordDecoder:
        """The network, its weights to be set."""
        vocabulary = self.reader.vocabulary
        dropout = TextDropout.configured(self.config, vocabulary)
        return self.kind(len(vocabulary), dropout=dropout, **_sizes(self.config))

    def build_for_training(self, with_weights: bool = True) -> WordDecoder:
        """The network, which begins with ``word_vectors`` where there are some and
        ``with_weights``."""
        network, path = self.build(), self.config.word_vectors
        if with_weights and path:
            vocabulary = self.reader.vocabulary
            self.said.append(begin_with_vectors(network.embedding.weight, vocabulary, path))
        return network

    def check_state(self, state: Mapping[str, np.ndarray], source: str) -> None:
        """InputError, before the network is built, when weights are of another size."""
        config = self.config
        words = len(self.reader.vocabulary)
        shapes = {
            "embedding.weight": (words, config.word_dim),
            "vocabulary.weight": (config.decoder_size, words),
            self.kind.recurrent_weight: (3 * config.decoder_size, config.decoder_size),
        }
        if "attention_size" in _sizes(config):
            shapes["keys.weight"] = (config.cell_size, config.attention_size)
        check_shapes(state, shapes, source)


def _sizes(config: Config) -> dict[str, Any]:
    """What a decoder is built with besides its words and dropout."""
    sizes: dict[str, Any] = dict(
        word_dim=config.word_dim,
        cell_size=config.cell_size,
        decoder_size=config.decoder_size,
        initial_state=config.initial_state,
    )
    for key, name in OWN_KEYS.items():
        if config.caption_model == name:
            sizes[key] = getattr(config, key)
    return sizes


def check_caption_keys(config: Config, with_weights: bool = True) -> None:
    """InputError where keys of a captioner's configuration contradict each other.

    It is asked before anything is computed.

    Args:
        with_weights: the run begins with the weights that the configuration names.
    """
    find_caption_decoder(str(config.caption_model)).check_sizes(**_sizes(config))
    if config.test_flip:
        raise InputError(
            "test_flip: a captioner looks at each photograph as it is: set test_flip=false."
        )
    if with_weights and config.word_vectors:
        check_word_vectors(config.word_vectors, config.word_dim)
    CellEncoder.for_training(config).check_keys()


def build_captioner(
    image: CellEncoder, decoder: DecoderParts, with_weights: bool = True
) -> Captioner:
    """The network that a configuration describes, for training.

    Args:
        with_weights: begin with the weights that the configuration asks for; without, they are
            left as built, to be set afterwards.
    """
    return Captioner(
        image.build_for_training(with_weights),  # first: the seed's numbers are drawn in order
        decoder.build_for_training(with_weights),
    )
