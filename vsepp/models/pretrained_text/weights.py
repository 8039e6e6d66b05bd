"""Weights of BERT and ERNIE under the names that Hugging Face and PaddleNLP give them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Optional

import numpy as np

from vsepp.models.bert import BertOptions
from vsepp.models.pretrained_text.files import check_is_there
from vsepp.models.weights import converted, read_state
from vsepp.system.errors import InputError

FILES = ("model.safetensors", "pytorch_model.bin", "model_state.pdparams")

_TABLES = {
    f"embeddings.{kind}_embeddings": f"{kind}_embeddings"
    for kind in ("word", "position", "token_type", "task_type")
}
_NORMS = {"embeddings.LayerNorm": "norm", "embeddings.layer_norm": "norm"}
#: of a layer: Hugging Face's names, whose matrices are [out, in]
_TORCH_LAYER = {
    "attention.self.query": "query",
    "attention.self.key": "key",
    "attention.self.value": "value",
    "attention.output.dense": "output",
    "attention.output.LayerNorm": "norm_attention",
    "intermediate.dense": "up",
    "output.dense": "down",
    "output.LayerNorm": "norm_output",
}
#: and PaddleNLP's, whose matrices are [in, out]
_PADDLE_LAYER = {
    "self_attn.q_proj": "query",
    "self_attn.k_proj": "key",
    "self_attn.v_proj": "value",
    "self_attn.out_proj": "output",
    "norm1": "norm_attention",
    "linear1": "up",
    "linear2": "down",
    "norm2": "norm_output",
}
_LAYER = re.compile(r"encoder\.layers?\.([0-9]+)\.(.+)")
_OLD_NAMES = {"gamma": "weight", "beta": "bias"}  # of a norm
_WORDS = "embeddings.word_embeddings.weight"
_MEND = "give the weights and the config.json of one model"


def find_weights(folder: Path) -> Path:
    """The file with the weights of a folder's model; InputError where there is none."""
    for name in FILES:
        if (folder / name).is_file():
            return check_is_there(folder / name)
    there = sorted(path.name for path in folder.iterdir())
    raise InputError(
        f"text_weights: {folder} has no weights, only {', '.join(there)}: put "
        f"{', '.join(FILES[:-1])} or {FILES[-1]} there."
    )


def read_weights(path: Path, options: BertOptions) -> dict[str, np.ndarray]:
    """The weights in a file as a ``vsepp.models.bert.Bert`` of these options takes them.

    A pooler and the heads of other tasks are left aside.

    Returns:
        ``{parameter: float32 array}``, all of them.

    Raises:
        InputError: naming what is missing, is too much, or has another shape.
    """
    state, _ = read_state(path)
    shapes = options.shapes()
    prefix = _prefix(state, path)
    result = {}
    for theirs, value in state.items():
        name = theirs[len(prefix) :]
        if not theirs.startswith(prefix) or not name.startswith(("embeddings.", "encoder.")):
            continue  # a head
        if name.endswith("_ids"):  # 0, 1, 2 …, which some versions keep
            continue
        ours = _our_name(name)
        if ours in ("token_type_embeddings.weight", "task_type_embeddings.weight"):
            if ours not in shapes:  # and so is not used
                continue
        if ours not in shapes:
            raise InputError(
                f"{path}: parameter {theirs!r} has no place in what the configuration describes; "
                f"{_MEND}."
            )
        turned = "attention.self" in name or ".dense." in name
        result[ours] = converted(value, theirs, shapes[ours], turned, path, _MEND)
    missing = next((name for name in shapes if name not in result), None)
    if missing:
        raise InputError(f"{path} lacks the weights of {missing}; {_MEND}.")
    return result


def _prefix(names: Iterable[str], path: Path) -> str:
    """What stands before the names of the network in those of a file."""
    found = sorted({name[: -len(_WORDS)] for name in names if name.endswith(_WORDS)})
    if not found:
        raise InputError(f"{path} holds no BERT: it has no {_WORDS}; {_MEND}.")
    if len(found) > 1:
        raise InputError(
            f"{path} holds several networks, {', '.join(map(repr, found))}: give one of them alone."
        )
    return found[0]


def _our_name(name: str) -> Optional[str]:
    module, _, last = name.rpartition(".")
    last = _OLD_NAMES.get(last, last)
    layer = _LAYER.fullmatch(module)
    if layer:
        part = {**_TORCH_LAYER, **_PADDLE_LAYER}.get(layer[2])
        return part and f"transformer.layers.{int(layer[1])}.{part}.{last}"
    part = {**_TABLES, **_NORMS}.get(module)
    return part and f"{part}.{last}"
