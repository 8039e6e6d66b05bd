"""The text side of CLIP (Radford et al., 2021): a transformer that reads from left to right, of
which the state of a sentence's end is projected."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Optional

import numpy as np
import paddle
from paddle import nn

from vsepp.config import AUTO, Config
from vsepp.models.embedding import l2_normalize
from vsepp.models.encoders import CaptionedData, TextEncoder
from vsepp.models.shapes import check_shapes
from vsepp.models.text_encoders.batches import longest_of
from vsepp.models.towers import (
    begin_with_tower,
    clip_layers,
    of_checkpoint,
    tower_header,
    tower_sizes,
)
from vsepp.models.transformer import LayerOptions, Transformer, positions_of
from vsepp.models.twins import compute
from vsepp.system.errors import InputError
from vsepp.text.contexts import ContextReader

LARGEST, END = "largest", "end"
_KINDS = {
    "tokens": int,
    "positions": int,
    "size": int,
    "heads": int,
    "inner_size": int,
    "depth": int,
    "activation": str,
    "layer_norm_eps": float,
    "pooled": str,
}
#: keys that only text encoders of other kinds obey → the value that asks for nothing
_OF_OTHERS = {
    "text_pooling": AUTO,
    "projection": "linear",
    "word_dropout": 0.0,
    "embedding_dropout": 0.0,
    "output_dropout": 0.0,
    "word_vectors": None,
}


class CLIPTextExtractor(nn.Layer):
    """Captions, as a ``ContextReader`` reads them → unit vectors.

    Args:
        tokens: rows of the table.
        positions: tokens of the longest sentence.
        depth: layers.
        options: of each.
        embed_size: size of the result.
        end: the token at whose first place the state is taken; None: at that of the largest index.
        frozen: all but the last layer is not trained.
        use_abs: take absolute values at the end, as Order0 of the authors does.
    """

    def __init__(
        self,
        tokens: int,
        positions: int,
        depth: int,
        options: LayerOptions,
        embed_size: int,
        end: Optional[int] = None,
        frozen: bool = False,
        use_abs: bool = False,
    ) -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(tokens, options.size)
        self.position_embedding = nn.Embedding(positions, options.size)
        self.transformer = Transformer(depth, options)
        self.norm = nn.LayerNorm(options.size, options.layer_norm_eps)
        self.frozen = frozen
        if frozen:
            for parameter in self.parameters():
                parameter.stop_gradient = True
        self.fc = nn.Linear(options.size, embed_size, weight_attr=nn.initializer.XavierNormal())
        self.end, self.use_abs = end, use_abs

    def __call__(self, captions: paddle.Tensor, cap_lens: paddle.Tensor) -> paddle.Tensor:
        """Codes of captions, after a look at lengths and indices; see ``TextRepExtractor``."""
        if not paddle.in_dynamic_mode():  # being exported: there are no values to look at
            return super().__call__(captions, cap_lens)
        words, most = (
            table.weight.shape[0] for table in (self.token_embedding, self.position_embedding)
        )
        longest = longest_of(captions, cap_lens, words, most)
        return compute(self, captions[:, :longest], cap_lens)

    def forward(self, captions: paddle.Tensor, cap_lens: paddle.Tensor) -> paddle.Tensor:
        """int64 ``[batch, time]`` and ``[batch]`` → float32 ``[batch, embed_size]``, unchecked."""
        with self.gradients():
            # What stands after a sentence's end is not seen from there.
            states = self.transformer(self.embed(captions, positions_of(captions)), causal=True)
            place = self.places(captions, cap_lens)
            # a place for each number, which Paddle 2, exporting it, does not spread by itself
            spread = place.reshape([-1, 1, 1]) + paddle.zeros_like(states[:, :1]).astype("int64")
            states = paddle.take_along_axis(states, spread, 1, broadcast=False)
            states = self.norm(states.squeeze(1))
        return self.code_of(states)

    # ---- what the plain way and its twin on a CPU share ----------------------------------------

    def gradients(self) -> AbstractContextManager:
        """Where all but the last layer is computed: without gradients when it is frozen."""
        return paddle.no_grad() if self.frozen else nullcontext()

    def embed(self, captions: paddle.Tensor, positions: paddle.Tensor) -> paddle.Tensor:
        """int64 of one shape → float32 ``[…, size]``: what the first layer takes."""
        return self.token_embedding(captions) + self.position_embedding(positions)

    def places(self, captions: paddle.Tensor, cap_lens: paddle.Tensor) -> paddle.Tensor:
        """Where each sentence's state is taken, int64 ``[batch]``; arguments as ``forward`` has."""
        there = positions_of(captions) < cap_lens.reshape([-1, 1])
        ranked = captions if self.end is None else (captions == self.end).astype("int64")
        return paddle.where(there, ranked, paddle.full_like(ranked, -1)).argmax(1)

    def code_of(self, states: paddle.Tensor) -> paddle.Tensor:
        """The codes that states ``[batch, size]`` stand for."""
        codes = l2_normalize(self.fc(states))
        return paddle.abs(codes) if self.use_abs else codes


class CLIPTextEncoder(TextEncoder):
    """``text_model: clip``.

    Args:
        config, reader: see :class:`TextEncoder`.
        sizes: of the network, with the names in its header.
    """

    part = "text_encoder"  # sizes, and which token's state is taken
    reader: ContextReader

    def __init__(self, config: Config, reader: ContextReader, sizes: dict[str, Any]) -> None:
        super().__init__(config, reader)
        self.sizes = sizes

    @classmethod
    def check_config(cls, config: Config, with_weights: bool = True) -> None:
        for key, without in _OF_OTHERS.items():
            if getattr(config, key) != without:
                raise InputError(
                    f"{key}: {getattr(config, key)} is not for text_model=clip: leave it out, or "
                    f"set {key}={without}."
                )

    @classmethod
    def for_training(cls, config: Config, data: CaptionedData) -> CLIPTextEncoder:
        cls.check_config(config)
        return cls.from_checkpoint(config, *tower_header(config, "text_weights"))

    @classmethod
    def from_checkpoint(cls, config: Config, contents: dict, source: str) -> CLIPTextEncoder:
        sizes = tower_sizes(contents, cls.part, _KINDS, source)
        reader = ContextReader.from_contents(contents, source)
        reader.check_fits(sizes["tokens"], sizes["positions"], source)
        if sizes["pooled"] not in (LARGEST, END):
            raise InputError(
                f"{source} says nothing usable of {cls.part!r}, 'pooled': the checkpoint is "
                "damaged; use another."
            )
        try:
            clip_layers(sizes)
        except InputError as error:
            raise of_checkpoint(source, error) from None
        return cls(config, reader, sizes)

    def contents(self) -> dict:
        return {**super().contents(), self.part: self.sizes}

    def build(self) -> CLIPTextExtractor:
        sizes, config = self.sizes, self.config
        return CLIPTextExtractor(
            sizes["tokens"],
            sizes["positions"],
            sizes["depth"],
            clip_layers(sizes),
            config.embed_size,
            None if sizes["pooled"] == LARGEST else self.reader.end,
            config.text_frozen,
            config.use_abs,
        )

    def build_for_training(self, with_weights: bool = True) -> CLIPTextExtractor:
        network = self.build()
        if with_weights:
            begin_with_tower(network, self.config, "text_weights")
        return network

    def pretrained_parameters(self, network: CLIPTextExtractor) -> list[paddle.Tensor]:
        last = {parameter.name for parameter in network.fc.parameters()}
        return [each for each in network.parameters() if each.name not in last]

    def check_state(self, state: Mapping[str, np.ndarray], source: str) -> None:
        sizes = self.sizes
        size = sizes["size"]
        shapes = {
            "token_embedding.weight": (sizes["tokens"], size),
            "position_embedding.weight": (sizes["positions"], size),
            f"transformer.layers.{sizes['depth'] - 1}.up.weight": (size, sizes["inner_size"]),
            "fc.weight": (size, self.config.embed_size),
        }
        check_shapes(state, shapes, source)
