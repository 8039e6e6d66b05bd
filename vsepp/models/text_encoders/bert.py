"""``text_model: bert``: a pretrained BERT, and a layer of ours that ends in the joint space."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import ClassVar

import numpy as np
import paddle
from paddle import nn

from vsepp.config import Config
from vsepp.models.bert import Bert, BertOptions
from vsepp.models.dropout import drop_numbers
from vsepp.models.embedding import l2_normalize
from vsepp.models.encoders import CaptionedData, TextEncoder
from vsepp.models.pooling import MeanPooling, build_pooling, text_pooling
from vsepp.models.pretrained_text.folder import PretrainedText, open_pretrained
from vsepp.models.projection import ResidualProjection
from vsepp.models.shapes import check_shapes
from vsepp.models.state import set_state
from vsepp.models.text_encoders.batches import longest_of
from vsepp.models.text_encoders.text_dropout import TextDropout
from vsepp.models.twins import compute
from vsepp.system.errors import InputError
from vsepp.text.subwords import SubwordReader

FIRST = "first"

_BERT = "bert."  # how the names of its parameters begin


class BertExtractor(nn.Layer):
    """Captions, as a ``SubwordReader`` reads them → unit vectors.

    Args:
        options: what BERT is like.
        embed_size: size of the result.
        pooling: ``first``, the state of the first token, or a name of
            ``vsepp.models.pooling.POOLINGS``.
        frozen: BERT is not trained: it stays in evaluation mode.
        projection: ``linear``, or ``residual``, see
            :class:`vsepp.models.projection.ResidualProjection`.
        normalize: L2-normalise the result.
        use_abs: take absolute values at the end, as Order0 of the authors does.
        dropout: what a step of training leaves out, beside BERT's own dropout.
    """

    def __init__(
        self,
        options: BertOptions,
        embed_size: int,
        pooling: str = FIRST,
        frozen: bool = False,
        projection: str = "linear",
        normalize: bool = True,
        use_abs: bool = False,
        dropout: TextDropout = TextDropout(),
    ) -> None:
        super().__init__()
        self.bert = Bert(options, dropout.embeddings)
        self.frozen = frozen
        if frozen:
            for parameter in self.bert.parameters():
                parameter.stop_gradient = True
        size = options.hidden_size
        if projection == "residual":
            self.fc: nn.Layer = ResidualProjection(size, embed_size)
        else:
            self.fc = nn.Linear(size, embed_size, weight_attr=nn.initializer.XavierNormal())
        self.pooling = None if pooling == FIRST else build_pooling(pooling)
        self.normalize, self.use_abs = normalize, use_abs
        self.dropout = dropout

    def train(self) -> BertExtractor:
        """Training mode for all but a frozen BERT."""
        super().train()
        if self.frozen:
            self.bert.eval()
        return self

    def __call__(self, captions: paddle.Tensor, cap_lens: paddle.Tensor) -> paddle.Tensor:
        """Codes of captions, after a look at lengths and indices; see ``TextRepExtractor``."""
        if not paddle.in_dynamic_mode():  # being exported: there are no values to look at
            return super().__call__(captions, cap_lens)
        options = self.bert.options
        longest = longest_of(
            captions, cap_lens, options.vocab_size, options.max_position_embeddings
        )
        return compute(self, captions[:, :longest], cap_lens)

    def forward(self, captions: paddle.Tensor, cap_lens: paddle.Tensor) -> paddle.Tensor:
        """int64 ``[batch, time]`` and ``[batch]`` → float32 ``[batch, embed_size]``, unchecked."""
        lengths = cap_lens.reshape([-1])
        with self.gradients_of_bert():
            states = self.bert(self.words_left_out(captions), lengths)
        share = self.outputs_left_out
        if self.pooling is None:
            return self.code_of(drop_numbers(states[:, 0], share))
        states = drop_numbers(states, share)
        if self.pools_states:
            return self.code_of(self.pooling(states, lengths))
        return self.normalized(self.pooling(self.fc(states), lengths))

    # ---- what the plain way and its twin on a CPU share ----------------------------------------

    @property
    def pools_states(self) -> bool:
        """Whether states are pooled before the last layer: where the order makes no difference,
        or the last layer is not linear. Else its values are, as VSE∞ does."""
        return isinstance(self.pooling, MeanPooling) or not isinstance(self.fc, nn.Linear)

    def gradients_of_bert(self) -> AbstractContextManager:
        """Where BERT is computed: without gradients when it is frozen."""
        return paddle.no_grad() if self.frozen else nullcontext()

    def words_left_out(self, captions: paddle.Tensor) -> paddle.Tensor:
        """Captions as a step of training reads them."""
        return self.dropout.of_words(captions) if self.training else captions

    @property
    def outputs_left_out(self) -> float:
        """The share of the states' numbers that is left out before they are pooled."""
        return self.dropout.outputs if self.training else 0.0

    def code_of(self, states: paddle.Tensor) -> paddle.Tensor:
        """The codes that pooled states ``[batch, hidden_size]`` stand for."""
        return self.normalized(self.fc(states))

    def normalized(self, values: paddle.Tensor) -> paddle.Tensor:
        """Values of the last layer, ``[batch, embed_size]``, as codes."""
        if self.normalize:
            values = l2_normalize(values)
        return paddle.abs(values) if self.use_abs else values


class BertEncoder(TextEncoder):
    """``text_model: bert``.

    Args:
        config, reader: see :class:`TextEncoder`.
        options: what BERT is like.
        pretrained: the folder that it came from; None where weights are set afterwards.
    """

    part = "bert"
    reader: SubwordReader
    reads_with: ClassVar[type[SubwordReader]] = SubwordReader

    def __init__(
        self,
        config: Config,
        reader: SubwordReader,
        options: BertOptions,
        pretrained: PretrainedText | None = None,
    ) -> None:
        super().__init__(config, reader)
        self.options, self.pretrained = options, pretrained

    @classmethod
    def check_config(cls, config: Config, with_weights: bool = True) -> None:
        text_pooling(config, FIRST)
        if config.word_vectors:
            raise InputError(
                "word_vectors are for text_model gru or bigru, BERT has its own: leave them out."
            )
        if with_weights and not config.text_weights:
            raise InputError(
                "text_model bert begins with a pretrained network: set text_weights to the folder "
                "of a BERT or ERNIE, as Hugging Face or PaddleNLP keep it."
            )
        if with_weights and config.text_weights:
            open_pretrained(config.text_weights).state()

    @classmethod
    def for_training(cls, config: Config, data: CaptionedData) -> BertEncoder:
        pretrained = open_pretrained(config.text_weights or "")
        return cls(config, pretrained.reader, pretrained.options, pretrained)

    @classmethod
    def from_checkpoint(cls, config: Config, contents: dict, source: str) -> BertEncoder:
        record = contents.get(cls.part)
        if not isinstance(record, dict):
            raise InputError(
                f"{source} lacks {cls.part!r}: the checkpoint is damaged; use another."
            )
        text_pooling(config, FIRST)
        options = BertOptions.from_record(record, source)
        reader = cls.reads_with.from_contents(contents, source)
        reader.check_fits(options.vocab_size, options.max_position_embeddings, source)
        return cls(config, reader, options)

    def contents(self) -> dict:
        return {**super().contents(), self.part: self.options.record()}

    def build(self) -> BertExtractor:
        config = self.config
        residual = config.projection == "residual"
        return BertExtractor(
            self.options,
            config.embed_size,
            text_pooling(config, FIRST),
            config.text_frozen,
            config.projection,
            config.normalize_images if residual else True,
            config.use_abs,
            self._dropout(),
        )

    def build_for_training(self, with_weights: bool = True) -> BertExtractor:
        if not (with_weights and self.pretrained):
            return self.build()
        state = self.pretrained.state()  # first: a network is built that they fit
        network = self.build()
        set_state(network.bert, state, str(self.pretrained.weights))
        return network

    def pretrained_parameters(self, network: BertExtractor) -> list[paddle.Tensor]:
        return network.bert.parameters()

    def _dropout(self) -> TextDropout:
        config, reader = self.config, self.reader
        left_out = next((token for token in (reader.mask, reader.unknown) if token is not None), 0)
        return TextDropout(
            config.word_dropout,
            config.embedding_dropout,
            config.output_dropout,
            left_out,
            (reader.start, reader.end),
        )

    def check_state(self, state: Mapping[str, np.ndarray], source: str) -> None:
        shapes = {f"{_BERT}{name}": shape for name, shape in self.options.shapes().items()}
        first = "fc.first.weight" if self.config.projection == "residual" else "fc.weight"
        shapes[first] = (self.options.hidden_size, self.config.embed_size)
        check_shapes(state, shapes, source)
