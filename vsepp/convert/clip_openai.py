"""OpenAI's own file of a CLIP: a TorchScript archive, of which the code is not looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vsepp.convert.clip import CLIP, MEAN, STD, clip_config
from vsepp.convert.clip_names import (
    IMAGES,
    TEXTS,
    hub_names,
    needed,
    number,
    resnet_state,
    side_state,
)
from vsepp.convert.damage import damage_reported
from vsepp.data.preprocessing import Preprocessing
from vsepp.models.image_encoders.clip import CLIPImageEncoder
from vsepp.models.image_encoders.clip_resnet import CLIPResNetEncoder
from vsepp.models.image_encoders.clip_vit import CLIPViTEncoder
from vsepp.models.text_encoders.clip import LARGEST, CLIPTextEncoder
from vsepp.pickles import PlainObject, read_pickle
from vsepp.system.errors import InputError
from vsepp.system.invocation import command
from vsepp.text.byte_pairs import END, START, byte_pair_definition, read_merges, tokens_of
from vsepp.text.contexts import ContextReader

_HEAD = 64  # numbers of a state to a part of an attention, in all that OpenAI published
_EPSILON = 1e-5  # of their norms


def read_archive(path: Path, vocabulary: str | Path | None) -> CLIP:
    """The CLIP in OpenAI's own file.

    Args:
        path: such as ``ViT-B-32.pt`` or ``RN50.pt``.
        vocabulary: ``bpe_simple_vocab_16e6.txt.gz``.

    Raises:
        InputError: when it is no such file, or the vocabulary is of another model.
    """
    if path.suffix == ".safetensors":
        raise InputError(
            f"{path} says nothing of its network by itself: give the folder that it is in, "
            f"{path.parent}."
        )
    archive = read_pickle(path, modules=True)
    if not isinstance(archive, PlainObject):
        raise InputError(
            f"{path} holds weights and nothing of the network: give the .pt file as OpenAI "
            "publishes it, or a folder as Hugging Face keeps it."
        )
    if vocabulary is None:
        raise InputError(
            f"{path} has no vocabulary inside: give OpenAI's bpe_simple_vocab_16e6.txt.gz with "
            f"`{command('convert')} --clip {path} --vocab FILE OUT`."
        )
    with damage_reported(path):
        return _clip(dict(_arrays(archive)), path, vocabulary)


def _arrays(module: PlainObject, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """``(name, array)`` of the parameters and constants of a module and those in it."""
    for name, value in vars(module).items():
        if isinstance(value, PlainObject):
            yield from _arrays(value, f"{prefix}{name}.")
        elif isinstance(value, (np.ndarray, np.generic)):
            yield prefix + name, np.asarray(value)


def _clip(given: Mapping[str, np.ndarray], path: Path, vocabulary: str | Path) -> CLIP:
    for name in ("token_embedding.weight", "positional_embedding", "text_projection"):
        if name not in given:
            raise InputError(
                f"{path} is no CLIP of OpenAI's: it lacks {name}; give the .pt file as OpenAI "
                "publishes it."
            )
    hub = hub_names(given)
    table, embed_size = given["token_embedding.weight"], given["text_projection"].shape[1]
    vit = "visual.proj" in given
    steps = _preprocessing(given)
    image_model = "clip_vit" if vit else "clip_resnet"
    config = clip_config(image_model, "clip", embed_size, steps, str(path))
    context = int(needed(given, "context_length", path))
    pairs = read_merges(vocabulary)
    tokens = tokens_of(pairs, len(table), vocabulary)
    definition = byte_pair_definition(tokens, pairs, str(vocabulary), straight_quotes=True)
    reader = ContextReader(definition, START, END, context, source=str(vocabulary))
    text = CLIPTextEncoder(
        config, reader, _text_sizes(hub, len(table), len(given["positional_embedding"]))
    )
    image: CLIPImageEncoder
    if vit:
        image = CLIPViTEncoder(config, None, _vit_sizes(hub), steps)
        images = side_state(hub, IMAGES, path)
    else:
        image = CLIPResNetEncoder(config, None, _resnet_sizes(given), steps)
        images = resnet_state(given, path)
    scale = number(needed(given, "logit_scale", path), "logit_scale", path)
    return CLIP(text, image, side_state(hub, TEXTS, path), images, float(scale))


def _preprocessing(given: Mapping[str, np.ndarray]) -> Preprocessing:
    size = int(given["input_resolution"])
    return Preprocessing(size, size, "bicubic", MEAN, STD)


def _stack_sizes(hub: Mapping[str, np.ndarray], prefix: str) -> dict[str, Any]:
    """Sizes of the transformer of a side."""
    inner, size = hub[f"{prefix}.encoder.layers.0.mlp.fc1.weight"].shape
    start = f"{prefix}.encoder.layers."
    depth = len({name[len(start) :].split(".")[0] for name in hub if name.startswith(start)})
    return {
        "size": size,
        "heads": size // _HEAD,
        "inner_size": inner,
        "depth": depth,
        "activation": "quick_gelu",
        "layer_norm_eps": _EPSILON,
    }


def _text_sizes(hub: Mapping[str, np.ndarray], tokens: int, positions: int) -> dict[str, Any]:
    sizes = _stack_sizes(hub, "text_model")
    return {"tokens": tokens, "positions": positions, **sizes, "pooled": LARGEST}


def _vit_sizes(hub: Mapping[str, np.ndarray]) -> dict[str, Any]:
    patch = hub["vision_model.embeddings.patch_embedding.weight"].shape[-1]
    return {"patch_size": patch, **_stack_sizes(hub, "vision_model")}


def _resnet_sizes(given: Mapping[str, np.ndarray]) -> dict[str, Any]:
    width = given["visual.layer1.0.conv1.weight"].shape[0]
    blocks = [
        {name.split(".")[2] for name in given if name.startswith(f"visual.layer{stage}.")}
        for stage in (1, 2, 3, 4)
    ]
    return {"width": width, "heads": 32 * width // _HEAD, "layers": [len(each) for each in blocks]}
