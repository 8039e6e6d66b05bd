"""Parameters of CLIP, under Hugging Face's names and OpenAI's, as ours."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, Optional

import numpy as np

from vsepp.models.image_encoders.cnn import BACKBONE
from vsepp.system.errors import InputError

_MEND = "give the weights and the configuration of one model"

_LAYER = re.compile(r"(?:encoder\.)layers\.([0-9]+)\.(.+)")
#: of a layer: Hugging Face's names → ours
_OF_A_LAYER = {
    "self_attn.q_proj": "query",
    "self_attn.k_proj": "key",
    "self_attn.v_proj": "value",
    "self_attn.out_proj": "output",
    "layer_norm1": "norm_attention",
    "mlp.fc1": "up",
    "mlp.fc2": "down",
    "layer_norm2": "norm_output",
}
#: of a side, beside its layers: Hugging Face's names → ours
_OF_IMAGES = {
    "embeddings.class_embedding": "class_embedding",
    "embeddings.patch_embedding.weight": "patch_embedding.weight",
    "embeddings.position_embedding.weight": "position_embedding",
    "pre_layrnorm.weight": "norm_first.weight",  # is spelt so
    "pre_layrnorm.bias": "norm_first.bias",
    "post_layernorm.weight": "norm_last.weight",
    "post_layernorm.bias": "norm_last.bias",
}
_OF_TEXTS = {
    "embeddings.token_embedding.weight": "token_embedding.weight",
    "embeddings.position_embedding.weight": "position_embedding.weight",
    "final_layer_norm.weight": "norm.weight",
    "final_layer_norm.bias": "norm.bias",
}


class Side(NamedTuple):
    """Where a side's parameters stand.

    Attributes:
        prefix: of Hugging Face's names.
        own: those of them that are no layer's → ours.
        projection: Hugging Face's name of what it ends in.
        before: what stands before our names, the last layer's aside.
    """

    prefix: str
    own: Mapping[str, str]
    projection: str
    before: str


IMAGES = Side("vision_model.", _OF_IMAGES, "visual_projection.weight", BACKBONE)
TEXTS = Side("text_model.", _OF_TEXTS, "text_projection.weight", "")


def side_state(
    given: Mapping[str, np.ndarray], side: Side, source: str | Path
) -> dict[str, np.ndarray]:
    """A side's parameters, as Hugging Face has them, under our names.

    Raises:
        InputError: naming one that has no place in ours, or is not finite.
    """
    result = {}
    for theirs, value in given.items():
        name = theirs[len(side.prefix) :]
        if not theirs.startswith(side.prefix) or name.endswith("position_ids"):
            continue
        ours = _our_name(name, side.own)
        if ours is None:
            raise InputError(
                f"{source}: parameter {theirs!r} has no place in a CLIP: give a plain one."
            )
        turned = value.ndim == 2 and name.endswith("weight") and "embedding" not in name
        result[side.before + ours] = number(value.T if turned else value, theirs, source)
    result.update(projection(given, side.projection, source))
    return result


def projection(
    given: Mapping[str, np.ndarray], name: str, source: str | Path
) -> dict[str, np.ndarray]:
    """A projection ``[codes, states]`` without a bias as our last layer."""
    weight = number(needed(given, name, source).T, name, source)
    return {"fc.weight": weight, "fc.bias": np.zeros(weight.shape[-1:], np.float32)}


def needed(given: Mapping[str, np.ndarray], name: str, source: str | Path) -> np.ndarray:
    """A parameter that must be there."""
    if name not in given:
        raise InputError(f"{source} lacks the parameter {name!r}; {_MEND}.")
    return given[name]


def number(value: np.ndarray, name: str, source: str | Path) -> np.ndarray:
    """A parameter in float32; InputError where it is no finite floating point."""
    if value.dtype.kind != "f":
        raise InputError(
            f"{source}: parameter {name!r} holds {value.dtype} values; give weights in floating "
            "point."
        )
    with np.errstate(over="ignore"):
        value = np.ascontiguousarray(value, np.float32).reshape(value.shape)
    if not np.isfinite(value).all():
        raise InputError(
            f"{source}: parameter {name!r} holds NaN or infinity; fetch the file again."
        )
    return value


def _our_name(name: str, own: Mapping[str, str]) -> Optional[str]:
    layer = _LAYER.fullmatch(name)
    if not layer:
        return own.get(name)
    module, _, last = layer[2].rpartition(".")
    part = _OF_A_LAYER.get(module)
    return part and f"transformer.layers.{int(layer[1])}.{part}.{last}"


# ---- OpenAI's names ----------------------------------------------------------------------------

_BLOCK = re.compile(r"(visual\.)?transformer\.resblocks\.([0-9]+)\.(.+)\.(weight|bias)")
_OF_A_BLOCK = {
    "attn.out_proj": "self_attn.out_proj",
    "ln_1": "layer_norm1",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
    "ln_2": "layer_norm2",
}
_TOP = {  # B105 takes a name that begins with "token" for a secret
    "token_embedding.weight": "text_model.embeddings.token_embedding.weight",  # nosec B105
    "positional_embedding": "text_model.embeddings.position_embedding.weight",
    "ln_final.weight": "text_model.final_layer_norm.weight",
    "ln_final.bias": "text_model.final_layer_norm.bias",
    "visual.class_embedding": "vision_model.embeddings.class_embedding",
    "visual.positional_embedding": "vision_model.embeddings.position_embedding.weight",
    "visual.conv1.weight": "vision_model.embeddings.patch_embedding.weight",
    "visual.ln_pre.weight": "vision_model.pre_layrnorm.weight",
    "visual.ln_pre.bias": "vision_model.pre_layrnorm.bias",
    "visual.ln_post.weight": "vision_model.post_layernorm.weight",
    "visual.ln_post.bias": "vision_model.post_layernorm.bias",
}
_ONE_FOR_THREE = re.compile(r"(visual\.)?transformer\.resblocks\.([0-9]+)\.attn\.in_proj_(\w+)")


def hub_names(given: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """OpenAI's parameters of a CLIP under Hugging Face's names; others keep their own."""
    result = {}
    for name, value in given.items():
        three = _ONE_FOR_THREE.fullmatch(name)
        if three:
            for part, third in zip("qkv", np.split(value, 3)):
                module = f"{_stack(three)}.self_attn.{part}_proj"
                result[f"{module}.{three[3]}"] = third
            continue
        block = _BLOCK.fullmatch(name)
        if block and block[3] in _OF_A_BLOCK:
            result[f"{_stack(block)}.{_OF_A_BLOCK[block[3]]}.{block[4]}"] = value
        elif name in ("text_projection", "visual.proj"):
            hub = "text_projection" if name == "text_projection" else "visual_projection"
            result[f"{hub}.weight"] = value.T
        else:
            result[_TOP.get(name, name)] = value
    return result


def _stack(match: re.Match[str]) -> str:
    return f"{'vision_model' if match[1] else 'text_model'}.encoder.layers.{match[2]}"


_STATISTICS = {"running_mean": "_mean", "running_var": "_variance"}
_OF_RESNET = (
    ("attnpool.positional_embedding", "attention.position_embedding"),
    ("attnpool.q_proj", "attention.query"),
    ("attnpool.k_proj", "attention.key"),
    ("attnpool.v_proj", "attention.value"),
    ("downsample.0", "short.1"),
    ("downsample.1", "short.2"),
)


def resnet_state(given: Mapping[str, np.ndarray], source: str | Path) -> dict[str, np.ndarray]:
    """OpenAI's parameters of a ResNet's image side under our names."""
    result = {}
    for theirs, ours, value in _resnet_names(given):
        turned = value.ndim == 2 and theirs.endswith("weight")
        result[ours] = number(value.T if turned else value, theirs, source)
    return result


def _resnet_names(given: Mapping[str, np.ndarray]) -> Iterator[tuple[str, str, np.ndarray]]:
    for theirs, value in given.items():
        name = theirs[len("visual.") :]
        if not theirs.startswith("visual.") or name.endswith("num_batches_tracked"):
            continue
        if name.startswith("attnpool.c_proj."):
            yield theirs, f"fc.{name[len('attnpool.c_proj.') :]}", value
            continue
        for before, after in _OF_RESNET:
            name = name.replace(before, after)
        module, dot, last = name.rpartition(".")
        yield theirs, f"{BACKBONE}{module}{dot}{_STATISTICS.get(last, last)}", value
