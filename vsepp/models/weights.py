"""ImageNet weights of a backbone: from a file, from Paddle's cache, or its download.

Files may come from Paddle (``.pdparams``), torchvision (``.pth``, ``.pt``, ``.tar``) or
either (``.safetensors``); or a checkpoint of this package's (``.ckpt``), whose model looks with the
same network. torchvision names batch-norm statistics differently and
stores linear weights ``[out, in]``, Paddle ``[in, out]``. A square matrix does not
tell which it is, so the origin decides, never the shape.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vsepp.data.transforms import MEAN, STD
from vsepp.models import inception
from vsepp.models.backbones import find_backbone, is_classifier
from vsepp.models.pretrained_weights import pretrained_weights_path
from vsepp.pickles import read_pickle
from vsepp.system.errors import InputError
from vsepp.system.tensor_files import from_bfloat16, read_bfloat16

if TYPE_CHECKING:
    from paddle import nn

PADDLE_SUFFIXES = (".pdparams",)
TORCH_SUFFIXES = (".pth", ".pt", ".tar", ".bin")
SAFETENSORS_SUFFIX = ".safetensors"
CHECKPOINT_SUFFIX = ".ckpt"

_TORCH_TO_PADDLE = {"running_mean": "_mean", "running_var": "_variance"}
_TORCH_STATISTICS = (*_TORCH_TO_PADDLE, "num_batches_tracked")


def initialise_backbone(
    backbone: nn.Layer,
    name: str,
    pretrained: bool = True,
    weights: str | Path | None = None,
    mean: Sequence[float] | np.ndarray = MEAN,
    std: Sequence[float] | np.ndarray = STD,
) -> None:
    """Give a fresh backbone its weights.

    Args:
        backbone: what ``build_backbone(name)`` returned.
        name: its name in ``BACKBONES``.
        pretrained: take Paddle's ImageNet weights, downloaded when they are not there.
        weights: path of a local file; it wins over ``pretrained``.
        mean, std: that the pixels which it is fed are normalised with: weights of Inception v3
            that are meant for others are turned into such that give the same.

    Raises:
        InputError: when the weights cannot be had or do not fit.
    """
    if weights:
        load_backbone_weights(backbone, name, weights, mean=mean, std=std)
    elif pretrained:
        path = pretrained_weights_path(name)
        load_backbone_weights(backbone, name, path, strict=False, mean=mean, std=std)


def load_backbone_weights(
    backbone: nn.Layer,
    name: str,
    path: str | Path,
    strict: bool = True,
    mean: Sequence[float] | np.ndarray = MEAN,
    std: Sequence[float] | np.ndarray = STD,
) -> None:
    """Load a local file of weights into ``backbone``, whole or not at all.

    Args:
        strict: refuse a file with parameters that are neither the backbone's nor its
            classifier's (every parameter of resnet50 fits into its place in a file of
            resnet152).
        mean, std: see :func:`initialise_backbone`.

    Raises:
        InputError: naming the file, and the parameter that is missing, unexpected,
            of the wrong shape or not finite.
    """
    path = Path(path).expanduser()
    if path.suffix == CHECKPOINT_SUFFIX:
        found, from_torch = _read_checkpoint(path, name), False
    else:
        found, from_torch = read_state(path)
    state = fit_backbone_weights(backbone, name, found, from_torch, path, strict, mean, std)
    missing, unexpected = backbone.set_state_dict(state)
    if missing or unexpected:  # every name has been compared
        raise RuntimeError(f"{name} did not take its weights: {missing} {unexpected}")


def fit_backbone_weights(
    backbone: nn.Layer,
    name: str,
    found: Mapping[str, np.ndarray],
    from_torch: bool,
    path: str | Path,
    strict: bool = True,
    mean: Sequence[float] | np.ndarray = MEAN,
    std: Sequence[float] | np.ndarray = STD,
) -> dict[str, np.ndarray]:
    """Weights under Paddle's or torch's names as ``backbone`` stores them.

    Args:
        found: parameter name → array as stored.
        from_torch: whether torch wrote them, with linear weights ``[out, in]``.
        path: where they came from, for messages.
        strict, mean, std: as in :func:`load_backbone_weights`.

    Returns:
        dict: Paddle's parameter name → float32 array, for exactly the parameters
        that the backbone has, in its order.
    """
    wanted = backbone.state_dict()
    arrays = {}
    torchvisions = False  # of Inception v3, which the two have for different pixels
    for theirs, value in found.items():
        ours = _paddle_name(theirs)
        if ours is None or (ours not in wanted and is_classifier(name, ours)):
            continue
        if name == "inception_v3":
            renamed = inception.paddle_name(ours)
            torchvisions |= renamed != ours
            ours = renamed
        arrays[ours] = value
    state = {}
    for key, parameter in wanted.items():
        if key not in arrays:
            raise InputError(
                f"{path}: parameter {key!r} of {name} is missing; "
                f"give the weights of {name} under Paddle's or torchvision's names."
            )
        state[key] = converted(arrays.pop(key), key, tuple(parameter.shape), from_torch, path)
    if arrays and strict:
        raise InputError(
            f"{path}: parameter {next(iter(arrays))!r} does not belong to {name}; "
            f"give the weights of {name}, or set image_model to the network they are of."
        )
    if name == "inception_v3":
        return inception.fitted(state, torchvisions, mean, std)
    return state


def passed_over(name: str, found: Mapping[str, np.ndarray]) -> list[str]:
    """The layers in a file of backbone ``name`` that are not of its features: its classifier."""
    entry = find_backbone(name)
    keys = [key for key in map(_paddle_name, found) if key is not None]
    return [
        layer
        for layer in entry.auxiliary + entry.classifier
        if any(key.startswith(f"{layer}.") for key in keys)
    ]


def _paddle_name(key: str) -> str | None:
    """The name Paddle has for ``key``, or None for what it does not store."""
    key = key[len("module.") :] if key.startswith("module.") else key
    layer, dot, last = key.rpartition(".")
    if last == "num_batches_tracked":
        return None
    return layer + dot + _TORCH_TO_PADDLE.get(last, last)


def converted(
    value: np.ndarray,
    key: str,
    shape: tuple[int, ...],
    from_torch: bool,
    path: str | Path,
    mend: str = "give the weights of the network that image_model names",
) -> np.ndarray:
    """One array as Paddle stores it: float32, linear weights ``[in, out]``.

    Args:
        value: as it stands in the file.
        key: its name there.
        shape: that it must have.
        from_torch: it is stored as ``[out, in]``, and is turned.
        path: the file.
        mend: what to do where the shape is another.

    Raises:
        InputError: for another shape, for NaN or infinity, or where it is no floating point.
    """
    value = np.asarray(value)
    if value.dtype == np.uint16 and not from_torch:  # how Paddle pickles bfloat16
        value = from_bfloat16(value)
    if value.dtype.kind != "f":
        raise InputError(
            f"{path}: parameter {key!r} holds {value.dtype} values; give weights in floating point."
        )
    if from_torch and value.ndim == 2:
        value = value.T
    if value.shape != shape:
        raise InputError(
            f"{path}: parameter {key!r} has shape {list(value.shape)} where {list(shape)} is "
            f"needed; {mend}."
        )
    with np.errstate(over="ignore"):
        value = np.ascontiguousarray(value, dtype=np.float32).reshape(shape)
    if not np.isfinite(value).all():
        raise InputError(
            f"{path}: parameter {key!r} holds NaN or infinity; fetch or convert the file again."
        )
    return value


def read_state(path: Path) -> tuple[dict[str, np.ndarray], bool]:
    """Read a file of one network's weights by its suffix.

    Returns:
        (name → array as stored, whether torch wrote it, with linear weights ``[out, in]``)

    Raises:
        InputError: when it cannot be read, or holds anything else.
    """
    suffix = path.suffix.lower()
    state: Any  # whatever the file holds, until that is checked below
    if suffix == SAFETENSORS_SUFFIX:
        state, from_torch = _read_safetensors(path)
    elif suffix in PADDLE_SUFFIXES + TORCH_SUFFIXES:
        state, from_torch = read_pickle(path), suffix in TORCH_SUFFIXES
        if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
            state = state["state_dict"]
    else:
        known = ", ".join((*PADDLE_SUFFIXES, *TORCH_SUFFIXES, SAFETENSORS_SUFFIX))
        raise InputError(f"{path}: weights are read from files that end in {known}.")
    if not (
        isinstance(state, dict)
        and state
        and all(isinstance(key, str) for key in state)
        and all(isinstance(value, (np.ndarray, np.generic)) for value in state.values())
    ):
        raise InputError(
            f"{path}: not a state_dict (parameter name → array); "
            "give a file with the weights of one network."
        )
    return state, from_torch


def _read_checkpoint(path: Path, name: str) -> dict[str, np.ndarray]:
    """The weights of backbone ``name`` in a model that was trained here, for whatever task."""
    from vsepp.checkpoint import load_checkpoint
    from vsepp.models.vsepp import BACKBONE

    if not path.is_file():
        raise InputError(
            f"weights: {path} does not exist: train the model whose checkpoint it is, or give "
            f"another file with the weights of {name}."
        )
    checkpoint = load_checkpoint(path, (f"model/{BACKBONE}",))
    theirs, state = checkpoint["config"].get("image_model"), checkpoint["model"]
    if theirs != name or not state:
        found = f"looks with {theirs}" if state else "looks at features of others, with no network"
        raise InputError(
            f"weights: the model of {path} {found}: give a checkpoint of a model that looks with "
            f"{name}, or another file with its weights."
        )
    if name == "inception_v3":  # what is turned into the weights depends on the run's pixels
        raise InputError(
            f"weights: {path} holds {name} as a run trained it: give the file that run began with."
        )
    return {key[len(BACKBONE) :]: value for key, value in state.items()}


def _read_safetensors(path: Path) -> tuple[dict[str, np.ndarray], bool]:
    """As ``read_state``. The names of the batch-norm statistics tell who wrote the
    file; where there are none (VGG, AlexNet) the metadata do: ``format: pd`` is
    Paddle's layout, everything else is taken for torchvision's."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="np") as file:
            origin = (file.metadata() or {}).get("format")
            types = {key: file.get_slice(key).get_dtype() for key in file.keys()}
            state = {key: file.get_tensor(key) for key, name in types.items() if name != "BF16"}
        if len(state) < len(types):
            state.update(read_bfloat16(path))
    except (OSError, SafetensorError, TypeError, ValueError, AttributeError) as error:
        if not path.is_file():
            raise InputError(f"{path}: there is no such file.") from error
        raise InputError(
            f"{path}: cannot be read as safetensors ({error}); "
            "fetch it again, or save it as float32, float16 or bfloat16."
        ) from error
    endings = {key.rpartition(".")[2] for key in state}
    if not endings.isdisjoint(_TORCH_STATISTICS):
        return state, True
    if not endings.isdisjoint(_TORCH_TO_PADDLE.values()):
        return state, False
    return state, origin not in ("pd", "paddle")
