"""Encoders of others, whose sizes no key says: they stand in the header of a checkpoint.

``tools/convert.py --clip`` writes such a checkpoint. A training takes towers from one by
``weights`` and ``text_weights``, or both and all else by ``init_from``; its own checkpoints say the
same of them again.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from paddle import nn

from vsepp.checkpoint import load_checkpoint, read_header
from vsepp.config import Config
from vsepp.models.state import set_state
from vsepp.models.transformer import LayerOptions
from vsepp.system.errors import InputError
from vsepp.system.invocation import command
from vsepp.system.records import wrong_field


def tower_file(config: Config, key: str) -> str:
    """The checkpoint that a tower's weights begin with.

    Args:
        config: the run's configuration.
        key: the one that names it: ``weights`` or ``text_weights``.

    Raises:
        InputError: when there is none.
    """
    path = getattr(config, key) or config.init_from
    if not path:
        model = "image_model" if key == "weights" else "text_model"
        name = getattr(config, model)
        raise InputError(
            f"{model}: {name} needs the checkpoint of a CLIP, which `{command('convert')} --clip "
            f"FOLDER clip.ckpt` makes: give it with -o init_from=clip.ckpt, or this half alone "
            f"with -o {key}=clip.ckpt."
        )
    return str(path)


def tower_header(config: Config, key: str) -> tuple[dict, str]:
    """What a checkpoint says of a tower that is trained on, and which checkpoint it is.

    A run that goes on asks its own checkpoint, so that it needs the first no more.

    Args, raises: see :func:`tower_file`.
    """
    model = "image_model" if key == "weights" else "text_model"
    own = config.checkpoint
    path = own if own and Path(own).is_file() else tower_file(config, key)
    header = read_header(path)
    theirs, ours = header["config"].get(model), getattr(config, model)
    if theirs != ours:
        mend = f"set {model}={theirs}" if theirs else "give another checkpoint"
        raise InputError(f"{path} holds the {model} {theirs}, not {ours}: {mend}.")
    return header, path


def tower_state(path: str, prefix: str) -> dict[str, np.ndarray]:
    """``{parameter: ndarray}`` of the parameters of a checkpoint that begin with a prefix."""
    state = load_checkpoint(path, parts=(f"model/{prefix}",))["model"]
    return {name[len(prefix) :]: value for name, value in state.items()}


def clip_layers(sizes: Mapping[str, Any]) -> LayerOptions:
    """What each layer of a CLIP's transformer is like, by the sizes of its tower."""
    return LayerOptions(
        sizes["size"],
        sizes["heads"],
        sizes["inner_size"],
        sizes["activation"],
        norm_first=True,
        layer_norm_eps=sizes["layer_norm_eps"],
    )


_LARGEST = 2**24  # of a size: beyond what a file could hold
_DAMAGED = "the checkpoint is damaged; use another."
#: what stands behind a tower, by the names of its parameters
_HEADS = ("fc.", "mlp.", "pooling.")
_SIDES = {"weights": "image_extractor.", "text_weights": "text_extractor."}


def begin_with_tower(
    network: nn.Layer, config: Config, key: str, heads_alone: bool = False
) -> None:
    """Set the weights of an encoder in training; heads that the checkpoint lacks begin afresh.

    Args:
        network: of the encoder.
        config, key: see :func:`tower_file`.
        heads_alone: the tower's features are stored, and it is not inside.
    """
    path = tower_file(config, key)
    state = tower_state(path, _SIDES[key])
    own = network.state_dict()
    fits = all(
        name in state and tuple(state[name].shape) == tuple(value.shape)
        for name, value in own.items()
        if name.startswith(_HEADS)
    )
    state = {
        name: value
        for name, value in state.items()
        if (fits if name.startswith(_HEADS) else not heads_alone)
    }
    set_state(network, state, path, optional=() if fits else _HEADS)


def tower_sizes(
    contents: Mapping[str, Any], part: str, kinds: Mapping[str, type], source: str
) -> dict[str, Any]:
    """The sizes of a tower, as a checkpoint's header has them.

    Args:
        contents: the header.
        part: ``image_encoder`` or ``text_encoder``.
        kinds: ``{name: type}`` of the sizes; numbers are positive, a list has one for each of the
            four stages of a ResNet.
        source: the file, for messages.

    Raises:
        InputError: when one is missing or malformed.
    """
    record = contents.get(part)
    wrong = wrong_field(record, kinds)
    if wrong is None:
        for name in kinds:
            value = record[name]  # type: ignore[index]  # wrong_field has looked at it
            if isinstance(value, list):
                fits = len(value) == 4 and all(type(each) is int for each in value)
                value = min(value) if fits else 0
            if isinstance(value, (int, float)) and not 0 < value < _LARGEST:
                wrong = name
    if wrong is not None:
        raise InputError(f"{source} says nothing usable of {part!r}, {wrong!r}: {_DAMAGED}")
    return {name: record[name] for name in kinds}  # type: ignore[index]


def of_checkpoint(source: str, error: object) -> InputError:
    """What is wrong with a tower in a checkpoint, as the sentence about its file."""
    return InputError(f"{source}: {str(error).partition(': the ')[0]}: {_DAMAGED}")
