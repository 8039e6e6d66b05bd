"""BERT, and ERNIE, which adds an embedding of its task: tokens → states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import paddle
from paddle import nn

from vsepp.models.transformer import LayerOptions, Transformer, positions_of
from vsepp.system.errors import InputError
from vsepp.system.records import wrong_field


@dataclass(frozen=True)
class BertOptions:
    """What a BERT is like; names and defaults are those of its ``config.json``.

    Attributes:
        task_type_vocab_size: rows of the embedding of tasks; 0 where it has none.
        task_id: the task that sentences are read for.

    Raises:
        InputError: for numbers that no network can have.
    """

    vocab_size: int = 30_522
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3_072
    hidden_act: str = "gelu"
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    layer_norm_eps: float = 1e-12
    task_type_vocab_size: int = 0
    task_id: int = 0

    def __post_init__(self) -> None:
        for key, value in asdict(self).items():
            if isinstance(value, str):
                continue
            least = 0 if key in _MAY_BE_NONE else 1
            most = _MOST_LAYERS if key == "num_hidden_layers" else _LARGEST
            share = isinstance(value, float)
            if not (0 <= value < 1 if share else least <= value <= most):
                raise InputError(f"{key} is {value}, which no network has: fetch the file again.")
        if self.task_type_vocab_size and self.task_id >= self.task_type_vocab_size:
            raise InputError(
                f"task_id is {self.task_id}, and there are {self.task_type_vocab_size} tasks: "
                "fetch the file again."
            )
        self.layer_options()  # which looks at activation and heads

    @classmethod
    def from_record(cls, record: Mapping[str, Any], source: str) -> BertOptions:
        """What a ``config.json`` or a checkpoint says; keys of other matters are passed over.

        Raises:
            InputError: for a value of another type, or one that no network can have.
        """
        types = {key: type(value) for key, value in asdict(cls()).items()}
        given = {key: record[key] for key in types if key in record}
        for key, kind in types.items():  # JSON writes 0.0 as it likes
            if kind is float and type(given.get(key)) is int:
                given[key] = float(given[key])
        wrong = wrong_field(given, {key: types[key] for key in given})
        if wrong:
            raise InputError(f"{source}: {wrong} is {given[wrong]!r}: fetch the file again.")
        try:
            return cls(**given)
        except InputError as error:
            raise InputError(f"{source}: {error}") from None

    def record(self) -> dict[str, Any]:
        """What a checkpoint keeps of it."""
        return asdict(self)

    def layer_options(self) -> LayerOptions:
        """Of each layer of the transformer."""
        return LayerOptions(
            self.hidden_size,
            self.num_attention_heads,
            self.intermediate_size,
            self.hidden_act,
            layer_norm_eps=self.layer_norm_eps,
            dropout=self.hidden_dropout_prob,
            attention_dropout=self.attention_probs_dropout_prob,
        )

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """``{parameter: shape}`` of :class:`Bert`, without building it."""
        size, inner = self.hidden_size, self.intermediate_size
        tables = {
            "word_embeddings": self.vocab_size,
            "position_embeddings": self.max_position_embeddings,
            "token_type_embeddings": self.type_vocab_size,
            "task_type_embeddings": self.task_type_vocab_size,
        }
        shapes: dict[str, tuple[int, ...]] = {
            f"{name}.weight": (rows, size) for name, rows in tables.items() if rows
        }
        dense = {name: (size, size) for name in ("query", "key", "value", "output")}
        dense = {**dense, "up": (size, inner), "down": (inner, size)}
        norms = ["norm"]
        for number in range(self.num_hidden_layers):
            layer = f"transformer.layers.{number}"
            norms += [f"{layer}.norm_attention", f"{layer}.norm_output"]
            for name, shape in dense.items():
                shapes[f"{layer}.{name}.weight"] = shape
                shapes[f"{layer}.{name}.bias"] = shape[1:]
        for norm in norms:
            shapes[f"{norm}.weight"] = shapes[f"{norm}.bias"] = (size,)
        return shapes


_MAY_BE_NONE = ("type_vocab_size", "task_type_vocab_size", "task_id")
_LARGEST = 2**24  # of a table's rows and of a state's numbers: beyond what a file could hold
_MOST_LAYERS = 2**12  # each is listed by its parameters before a file is looked at


class Bert(nn.Layer):
    """Tokens → states, without the pooler and the heads that its training had.

    Args:
        options: :class:`BertOptions`.
        embedding_dropout: share of the embeddings' numbers that a step of training leaves out,
            beside what the options say.
    """

    def __init__(self, options: BertOptions, embedding_dropout: float = 0.0) -> None:
        super().__init__()
        self.options = options
        size = options.hidden_size
        self.word_embeddings = nn.Embedding(options.vocab_size, size)
        self.position_embeddings = nn.Embedding(options.max_position_embeddings, size)
        if options.type_vocab_size:
            self.token_type_embeddings = nn.Embedding(options.type_vocab_size, size)
        if options.task_type_vocab_size:
            self.task_type_embeddings = nn.Embedding(options.task_type_vocab_size, size)
        self.norm = nn.LayerNorm(size, options.layer_norm_eps)
        stays = (1 - options.hidden_dropout_prob) * (1 - embedding_dropout)
        self.dropout = nn.Dropout(1 - stays)
        self.transformer = Transformer(options.num_hidden_layers, options.layer_options())

    def forward(self, tokens: paddle.Tensor, lengths: paddle.Tensor) -> paddle.Tensor:
        """int64 ``[batch, time]`` and ``[batch]`` → float32 ``[batch, time, hidden_size]``.

        States beyond a sentence's length mean nothing.
        """
        positions = positions_of(tokens)
        there = positions < lengths.reshape([-1, 1])
        return self.transformer(self.embed(tokens, positions), there)

    def embed(self, tokens: paddle.Tensor, positions: paddle.Tensor) -> paddle.Tensor:
        """int64 of one shape → float32 ``[…, hidden_size]``: what the first layer takes."""
        states = self.word_embeddings(tokens) + self.position_embeddings(positions)
        if self.options.type_vocab_size:  # a single sentence is the first of two
            states = states + self.token_type_embeddings.weight[0]
        if self.options.task_type_vocab_size:
            states = states + self.task_type_embeddings.weight[self.options.task_id]
        return self.dropout(self.norm(states))
