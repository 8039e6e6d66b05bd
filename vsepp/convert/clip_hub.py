"""A CLIP or Chinese-CLIP in a folder, as Hugging Face keeps it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vsepp.config import Config
from vsepp.convert.clip import CLIP, clip_config
from vsepp.convert.clip_names import IMAGES, TEXTS, needed, number, projection, side_state
from vsepp.convert.clip_preprocessing import read_preprocessing
from vsepp.convert.damage import damage_reported
from vsepp.models.bert import BertOptions
from vsepp.models.encoders import TextEncoder
from vsepp.models.image_encoders.clip_vit import CLIPViTEncoder
from vsepp.models.pretrained_text.files import check_is_there, read_json_file
from vsepp.models.pretrained_text.tokenizer import read_tokenizer, special_token, tokenizer_options
from vsepp.models.pretrained_text.weights import read_weights
from vsepp.models.text_encoders.chinese_clip import ChineseCLIPEncoder
from vsepp.models.text_encoders.clip import END as POOLED_AT_END
from vsepp.models.text_encoders.clip import LARGEST, CLIPTextEncoder
from vsepp.models.towers import clip_layers
from vsepp.models.weights import read_state
from vsepp.system.errors import InputError
from vsepp.text.byte_pairs import END, START, byte_pair_definition, read_merges
from vsepp.text.contexts import ContextReader
from vsepp.text.tokenizer_definition import with_options

WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_CHINESE_CONTEXT = 52  # tokens of a sentence that Chinese-CLIP was trained with
_OLD_END = 2  # eos_token_id of OpenAI's configurations, which means the largest token

_VISION = {
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "image_size": 224,
    "patch_size": 32,
}
_TEXT = {
    "vocab_size": 49408,
    "hidden_size": 512,
    "intermediate_size": 2048,
    "num_hidden_layers": 12,
    "num_attention_heads": 8,
    "max_position_embeddings": 77,
}
_EPSILON = 1e-5


def read_folder(folder: Path) -> CLIP:
    """The CLIP in a folder.

    Args:
        folder: with ``config.json``, ``preprocessor_config.json``, the weights, and
            ``tokenizer.json`` or what it was made of.

    Raises:
        InputError: when a part is missing, damaged, or of another architecture.
    """
    path = folder / "config.json"
    if not path.is_file():
        raise InputError(
            f"{folder} has no config.json: give the folder of a CLIP or Chinese-CLIP, as Hugging "
            "Face keeps it, or OpenAI's own file."
        )
    config = read_json_file(path)
    kind = config.get("model_type")
    if not isinstance(kind, str) or kind not in _TEXTS:
        raise InputError(
            f"{folder} is {f'a {kind}' if isinstance(kind, str) else 'no CLIP'}: what is taken is "
            "model_type clip or chinese_clip, as Hugging Face keeps it, and OpenAI's own file."
        )
    weights = next((folder / name for name in WEIGHTS if (folder / name).is_file()), None)
    if weights is None:
        raise InputError(f"{folder} has no weights: put {' or '.join(WEIGHTS)} there.")
    with damage_reported(path):
        vision, text = _part(config, "vision_config"), _part(config, "text_config")
        steps = read_preprocessing(folder, _count(vision, "image_size", _VISION, path))
        state, _ = read_state(check_is_there(weights))
        embed_size = needed(state, "visual_projection.weight", weights).shape[0]
        ours = clip_config("clip_vit", kind, embed_size, steps, str(path))
        sizes = {
            "patch_size": _count(vision, "patch_size", _VISION, path),
            **_stack(vision, _VISION, path),
        }
        images = side_state(state, IMAGES, weights)
        encoder, texts = _TEXTS[kind](folder, ours, text, state, weights)
        scale = number(needed(state, "logit_scale", weights), "logit_scale", weights)
        return CLIP(
            encoder, CLIPViTEncoder(ours, None, sizes, steps), texts, images, float(scale.item())
        )


def _part(config: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What a configuration says of one side; an older way to say it goes before."""
    parts = (config.get(name), config.get(f"{name}_dict"))
    return {key: value for part in parts for key, value in (part or {}).items()}


def _count(part: Mapping[str, Any], key: str, usual: Mapping[str, int], path: Path) -> int:
    value = part.get(key, usual[key])
    if type(value) is not int or not 0 < value < 2**24:
        raise InputError(f"{path}: {key} is {value!r}, which no network has: fetch it again.")
    return value


def _stack(part: Mapping[str, Any], usual: Mapping[str, int], path: Path) -> dict[str, Any]:
    """Sizes of the transformer of a side."""
    sizes = {
        "size": _count(part, "hidden_size", usual, path),
        "heads": _count(part, "num_attention_heads", usual, path),
        "inner_size": _count(part, "intermediate_size", usual, path),
        "depth": _count(part, "num_hidden_layers", usual, path),
        "activation": part.get("hidden_act", "quick_gelu"),
        "layer_norm_eps": float(part.get("layer_norm_eps", _EPSILON)),
    }
    try:
        clip_layers(sizes)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    return sizes


# ---- sentences ---------------------------------------------------------------------------------

Texts = Callable[
    [Path, Config, Mapping[str, Any], Mapping[str, np.ndarray], Path],
    "tuple[TextEncoder, dict[str, np.ndarray]]",
]


def _clip_texts(
    folder: Path,
    config: Config,
    part: Mapping[str, Any],
    state: Mapping[str, np.ndarray],
    weights: Path,
) -> tuple[TextEncoder, dict[str, np.ndarray]]:
    path = folder / "config.json"
    positions = _count(part, "max_position_embeddings", _TEXT, path)
    tokens = _count(part, "vocab_size", _TEXT, path)
    reader = _byte_pairs(folder, positions)
    if reader.size != tokens:
        raise _other_tokenizer(folder, reader.size, tokens)
    end = part.get("eos_token_id")
    end = reader.end if end is None else end
    if end not in (_OLD_END, reader.end):
        raise InputError(
            f"{path} says that a sentence's end is the token {end}, and in the tokenizer it is "
            f"{reader.end}: put the tokenizer there that the weights came with."
        )
    sizes = {
        "tokens": tokens,
        "positions": positions,
        **_stack(part, _TEXT, path),
        "pooled": LARGEST if end == _OLD_END else POOLED_AT_END,
    }
    return CLIPTextEncoder(config, reader, sizes), side_state(state, TEXTS, weights)


def _byte_pairs(folder: Path, positions: int) -> ContextReader:
    options = tokenizer_options(folder)
    start, end = (
        special_token(options, "bos_token", START),
        special_token(options, "eos_token", END),
    )
    path = folder / "tokenizer.json"
    if path.is_file():
        definition = with_options(read_json_file(path), {})
    else:
        path, merges = folder / "vocab.json", folder / "merges.txt"
        if not (path.is_file() and merges.is_file()):
            raise InputError(
                f"{folder} has no tokenizer: put tokenizer.json there, or vocab.json and "
                "merges.txt."
            )
        tokens = read_json_file(path)
        if not all(type(index) is int and 0 <= index < len(tokens) for index in tokens.values()):
            raise InputError(f"{path} does not number its tokens from 0 on: fetch it again.")
        pairs = read_merges(check_is_there(merges))
        definition = byte_pair_definition(tokens, pairs, str(merges))
    reader = ContextReader(definition, start, end, positions, source=str(path))
    padding = reader.tokenizer.token_to_id(special_token(options, "pad_token", end))
    reader.pad_with(reader.end if padding is None else padding, str(path))
    return reader


def _chinese_texts(
    folder: Path,
    config: Config,
    part: Mapping[str, Any],
    state: Mapping[str, np.ndarray],
    weights: Path,
) -> tuple[TextEncoder, dict[str, np.ndarray]]:
    if not ((folder / "tokenizer.json").is_file() or (folder / "vocab.txt").is_file()):
        raise InputError(f"{folder} has no tokenizer: put tokenizer.json or vocab.txt there.")
    options = BertOptions.from_record(part, str(folder / "config.json"))
    longest = min(_CHINESE_CONTEXT, options.max_position_embeddings)
    words = read_tokenizer(folder, longest)
    if words.size > options.vocab_size:
        raise _other_tokenizer(folder, words.size, options.vocab_size)
    reader = ContextReader.from_contents(
        {"subwords": {**words.contents()["subwords"], "padding": 0}}, str(folder)
    )
    texts = {f"bert.{name}": value for name, value in read_weights(weights, options).items()}
    texts.update(projection(state, "text_projection.weight", weights))
    return ChineseCLIPEncoder(config, reader, options), texts


def _other_tokenizer(folder: Path, tokens: int, rows: int) -> InputError:
    return InputError(
        f"{folder}: its tokenizer has {tokens} tokens, its configuration says vocab_size {rows}: "
        "put the tokenizer there that the weights came with."
    )


#: ``model_type`` → what reads its text side; ours goes by the same name
_TEXTS: dict[str, Texts] = {"clip": _clip_texts, "chinese_clip": _chinese_texts}
