"""Our checkpoint as the tutorial's own: ``{epoch, step, model, optimizer}``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import paddle
from paddle import nn
from paddle.utils import unique_name

from vsepp.checkpoint import RETRIEVAL, check_kind, load_checkpoint
from vsepp.config import AUTO, KEYS, Config, apply
from vsepp.convert.damage import damage_reported
from vsepp.convert.tutorial_adam import complete
from vsepp.convert.tutorial_names import backbone_outline, image_names, text_name
from vsepp.models.backbones import feature_size, find_backbone
from vsepp.models.encoders import find_text_encoder
from vsepp.models.text_encoders.pooled_gru import LAST
from vsepp.models.vsepp import BACKBONE
from vsepp.system.atomic import atomic_path
from vsepp.system.errors import InputError
from vsepp.training.optimizer import SLOTS
from vsepp.training.position import Position
from vsepp.training.schedules import SteppedDecay

_TEMPERATURE = "logit_scale"  # the N-pair loss's own; no part of what encodes
_TEXT = "text_extractor."
_FIXED = (  # in the tutorial
    "pixels",
    "image_features",
    "projection",
    "normalize_features",
    "normalize_images",
    "use_abs",
    "measure",
    "text_model",
    "text_pooling",
)


class _ImageEncoder(nn.Layer):
    """Made in the tutorial's order, from which Paddle's names for the parameters follow."""

    def __init__(self, embed_size: int, image_model: str) -> None:
        super().__init__()
        self.net, _ = backbone_outline(image_model)
        children = list(self.net.named_children())
        if find_backbone(image_model).classifier == (children[-1][0],):
            self.net = nn.Sequential(*(layer for _, layer in children[:-1]))
        self.fc = nn.Linear(feature_size(image_model), embed_size)


class _TextEncoder(nn.Layer):
    def __init__(self, vocab_size: int, word_dim: int, embed_size: int, num_layers: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocab_size, word_dim)
        self.rnn = nn.GRU(word_dim, embed_size, num_layers)


class _Network(nn.Layer):
    """The tutorial's network as far as names go; it computes nothing."""

    def __init__(self, config: Config, vocab_size: int) -> None:
        super().__init__()
        self.image_extractor = _ImageEncoder(config.embed_size, config.image_model)
        self.text_extractor = _TextEncoder(
            vocab_size, config.word_dim, config.embed_size, config.num_layers
        )


def export_tutorial(source: str | Path, target: str | Path) -> str:
    """Write a checkpoint as the documents' own loop reads it, with ``paddle.save``.

    Weights go by the names of a network that wraps its backbone as the documents do: a
    ``Sequential`` of its children without the last, or, of a VGG, the network without the last
    layer of its classifier. The optimizer's state goes by the names that Paddle gives to the
    parameters of that network when it is the first that a process makes.

    ``epoch`` counts from 0, as the documents do, and their loop goes on with the one after it;
    −1 where none has begun. ``step`` counts all steps.

    What the N-pair loss has learned, ``logit_scale``, stands beside the tutorial's names: the
    documents' network passes it over, and :func:`~vsepp.convert.tutorial.convert_tutorial` reads
    it.

    Args:
        source: our checkpoint; ``best`` of a run over stored features holds its backbone.
        target: the file to write.

    Returns:
        A sentence on whether training can go on from the result.

    Raises:
        InputError: when the checkpoint is of a model that the tutorial's network cannot be.
    """
    with damage_reported(source):
        return _export_tutorial(source, target)


def _export_tutorial(source: str | Path, target: str | Path) -> str:
    given = load_checkpoint(source)
    check_kind(given, source, RETRIEVAL)
    known = {key: value for key, value in given["config"].items() if key in KEYS}
    config = apply(Config(), known, str(source))
    if config.text_pooling == LAST:
        config = config.replaced(text_pooling=AUTO)  # which is the same
    for key in _FIXED:
        value, usual = getattr(config, key), getattr(Config(), key)
        if value != usual:
            raise InputError(
                f"{source} was trained with {key} = {value!r}, which the tutorial's network does "
                f"not know: give a checkpoint with {key} = {usual!r}."
            )
    if not any(name.startswith(BACKBONE) for name in given["model"]):
        raise InputError(
            f"{source} holds no backbone, the tutorial's network has one: give the best "
            "checkpoint of a run over photographs."
        )
    state = {
        name[len(_TEXT) :]: value
        for name, value in given["model"].items()
        if name.startswith(_TEXT)
    }
    encoder = find_text_encoder(config.text_model).from_checkpoint(config, given, str(source))
    encoder.check_state(
        state, str(source)
    )  # before layers are made that are larger than its weights
    with unique_name.guard():
        network = _Network(config, len(given["vocab"]))
    entries = network.state_dict()
    ours = _our_names({name: tuple(entry.shape) for name, entry in entries.items()})
    shapes = {ours[name]: tuple(entry.shape) for name, entry in entries.items()}
    paddles = {ours[name]: entry.name for name, entry in entries.items()}
    if _TEMPERATURE in given["model"]:
        ours[_TEMPERATURE] = paddles[_TEMPERATURE] = _TEMPERATURE
        shapes[_TEMPERATURE] = (1,)
    for name in {**shapes, **given["model"]}:
        value = given["model"].get(name)
        if value is None or value.shape != shapes.get(name):
            raise InputError(
                f"{source}: the tutorial's network has no {name} as the model has it: give a "
                f"checkpoint of image_model {config.image_model} and a GRU in one direction."
            )
    epoch = _running_epoch(given, source)
    _check_adam(given, source)
    theirs_too = (config.optimizer, config.schedule, config.warmup_steps) == ("adam", "step", 0)
    adam = _adam(given, paddles) if theirs_too else {}
    if adam:
        adam["LR_Scheduler"] = _schedule(config, epoch + 1)
    contents = {
        "epoch": epoch,
        "step": given["step"],
        "model": {
            theirs: _tensor(given["model"][name], paddles[name]) for theirs, name in ours.items()
        },
        "optimizer": adam,
    }
    with atomic_path(target) as temporary:
        paddle.save(contents, str(temporary))
    if adam:
        return "Adam's state came along"
    if given.get("optimizer") and not theirs_too:
        return (
            "the optimizer's state stayed behind, and 'optimizer' is empty: the documents' loop "
            "knows Adam with a rate for each epoch alone"
        )
    return f"there is no optimizer's state in {source}: 'optimizer' is empty"


def _our_names(shapes: dict[str, tuple[int, ...]]) -> dict[str, str]:
    """``{their name: our name}`` of all that the tutorial's network holds."""
    image = {name: shape for name, shape in shapes.items() if name.startswith("image_extractor.")}
    found = image_names(image)
    ours = {theirs: name for name, theirs in found.theirs.items()} if found else {}
    return {name: ours.get(name) or text_name(name) for name in shapes}


def _tensor(value: np.ndarray, name: str) -> paddle.Tensor:
    """A tensor that ``paddle.save`` stores under Paddle's ``name``."""
    tensor = paddle.to_tensor(value)
    tensor.name = name
    return tensor


def _running_epoch(given: dict[str, Any], source: str | Path) -> int:
    """The last epoch that has begun, from 0; −1 before the first."""
    if "position" not in given:
        return given["epoch"] - 1
    position = Position.restored(given["position"], str(source))
    return position.epoch if position.step_in_epoch else position.epoch - 1


def _check_adam(given: dict[str, Any], source: str | Path) -> None:
    """InputError unless the optimizer's state is Adam's, of all that was trained."""
    stored, model = given.get("optimizer"), given["model"]
    if not stored:
        return
    trained = set(next(iter(stored.values())))
    head = {name for name in model if not name.startswith(BACKBONE)}
    whole = set(stored) == set(SLOTS) and all(set(part) == trained for part in stored.values())
    if whole and head <= trained <= set(model):
        states = {name: {slot: stored[slot][name] for slot in SLOTS} for name in trained}
        if all(complete(state, model[name].shape) for name, state in states.items()):
            return
    raise InputError(
        f"{source}: its optimizer's state does not belong to its weights: use another checkpoint, "
        "such as the best one."
    )


def _adam(given: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """Adam's state under Paddle's ``names``: ``{our name: Paddle's}``."""
    return {
        f"{names[name]}_{slot}": _tensor(value, f"{names[name]}_{slot}")
        for slot, values in given.get("optimizer", {}).items()
        for name, value in values.items()
    }


def _schedule(config: Config, epochs: int) -> dict[str, Any]:
    """The state of the schedule after ``epochs``: the rate of the one that comes next."""
    schedule = SteppedDecay(
        config.learning_rate, config.lr_update, config.lr_decay, config.min_learning_rate
    )
    schedule.step(epochs)
    return schedule.state_dict()
