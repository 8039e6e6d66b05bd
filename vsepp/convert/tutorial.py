"""The tutorial's checkpoint becomes one of ours."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import paddle

from vsepp.checkpoint import save_checkpoint
from vsepp.config import Config, apply, override
from vsepp.convert.damage import damage_reported
from vsepp.convert.tutorial_adam import read_adam
from vsepp.convert.tutorial_names import backbone_outline, image_names, text_name
from vsepp.data.encoding import Encoding
from vsepp.data.preprocessing import Preprocessing
from vsepp.data.stored.features import FeatureOrigin
from vsepp.models.encoders import encoders_for_training
from vsepp.models.vsepp import BACKBONE, build_model
from vsepp.pickles import read_pickle
from vsepp.system.errors import InputError
from vsepp.system.fingerprints import fingerprint
from vsepp.system.invocation import quoted
from vsepp.text.reader import WordReader
from vsepp.text.vocabulary import Vocabulary
from vsepp.training.position import Position

_EMBEDDING = "text_extractor.embedding.weight"
_RECURRENT = re.compile(r"text_extractor\.gru\.weight_hh_l\d+")
_LAST = "text_extractor.gru.weight_hh_l{}"
_LINEAR = "image_extractor.fc.weight"


def convert_tutorial(source: str | Path, vocabulary: str | Path, target: str | Path) -> str:
    """Turn the tutorial's checkpoint (``epoch, step, model, optimizer``) into one of ours.

    The options that the file does not hold are read off the names and shapes of its weights; the
    rest of the configuration is that of the documented run.

    The tutorial's ``epoch`` counts from 0 and is the one that was running, ours is the number of
    epochs begun: one more. ``step`` is kept as it is: the documents count it within the epoch.

    With Adam's complete state the result can be resumed from. As the documents' own loop does, it
    goes on with the next epoch: which images the running one had seen is not in the file. Our
    schedule of the learning rate follows from the epoch, theirs is not read. An optimizer that
    holds everything but the backbone shows that the backbone was frozen.

    Args:
        source: the tutorial's ``.ckpt``, or a ``.pdparams`` of its model.
        vocabulary: the ``vocab.json`` it was trained with.
        target: our checkpoint.

    Returns:
        A sentence on whether training can go on from the result.

    Raises:
        InputError: when a file is damaged, when the network is none of the tutorial's, or when
            the two do not belong together.
    """
    with damage_reported(source):
        return _convert_tutorial(source, vocabulary, target)


def _convert_tutorial(source: str | Path, vocabulary: str | Path, target: str | Path) -> str:
    given = read_pickle(source, names=True)
    state = given.get("model", given) if isinstance(given, dict) else None
    if not isinstance(state, dict) or not all(hasattr(value, "shape") for value in state.values()):
        raise InputError(
            f"{source} holds no weights under 'model': give the tutorial's checkpoint."
        )
    about = given if "model" in given else {}
    epoch, step = _count(about, "epoch", -1) + 1, _count(about, "step", 0)
    words = Vocabulary.load(vocabulary)
    backbone, theirs = _names(state, source)
    if len(state[theirs[_EMBEDDING]]) != len(words):
        raise InputError(
            f"{vocabulary} has {len(words)} words, {source} was trained with "
            f"{len(state[theirs[_EMBEDDING]])}: give the vocabulary that belongs to it."
        )
    feature_size, embed_size = state[theirs[_LINEAR]].shape
    read_off = dict(
        image_model=backbone or Config().image_model,
        finetuned=backbone is not None,
        pretrained=False,
        word_dim=state[theirs[_EMBEDDING]].shape[1],
        embed_size=embed_size,
        num_layers=_layers(theirs),
        # not of the tutorial, but of our own weights as --pdparams and --to-tutorial write them
        loss="npair" if "logit_scale" in theirs else Config().loss,
    )
    config = apply(Config(), read_off, str(source))  # within the limits of each key
    last = theirs.get(_LAST.format(config.num_layers - 1))
    shape = tuple(state[last].shape) if last else ()
    if last and shape != (3 * embed_size, embed_size):  # before layers of that size are made
        raise _other_shape(source, last, shape, (3 * embed_size, embed_size))
    outline = _outline(config, words, feature_size, backbone)
    _check(outline, state, theirs, source)
    stored = {name: state[theirs[name]] for name in theirs}
    weights = {name: _numbers(name, value, source) for name, value in stored.items()}
    trainable = [name for name in stored if not outline[name].stop_gradient]
    adam = read_adam(about.get("optimizer"), stored, trainable)
    more = {}
    if adam:
        more = {"optimizer": adam, "position": Position(epoch=epoch, step=step).stored()}
        if backbone and not any(name.startswith(BACKBONE) for name in adam["moment1_0"]):
            config = dataclasses.replace(config, finetuned=False)
            more["backbone"] = _origin(config, weights, feature_size).record()
    save_checkpoint(
        target,
        weights,
        config.to_dict(),
        words.word_to_index,
        epoch=epoch,
        step=step,
        tokenizer="words",
        **more,
    )
    if adam:
        resume = quoted(override("checkpoint", str(target)))
        return f"Adam's state came along: training can go on with -o {resume}"
    begin = quoted(override("init_from", str(target)))
    if about.get("optimizer"):
        return (
            f"the optimizer's state was left behind, since {source} does not hold Adam's of every "
            f"parameter: {begin} takes the weights"
        )
    return f"there is no optimizer's state in {source}: {begin} takes the weights"


def _numbers(name: str, value: np.ndarray, source: str | Path) -> np.ndarray:
    """A parameter as float32; InputError where that holds NaN or infinity."""
    if value.dtype.kind not in "fiu":
        raise ValueError(f"{name} is {value.dtype}")
    with np.errstate(over="ignore"):
        numbers = np.asarray(value, np.float32)
    if not np.isfinite(numbers).all():
        raise InputError(
            f"{source}: {name} holds NaN or infinity, its training had diverged: give an earlier "
            "checkpoint."
        )
    return numbers


def _count(about: Mapping[str, Any], key: str, absent: int) -> int:
    """A count of the file; ValueError for one that no loop reaches."""
    value = about.get(key, absent)
    count = absent - 1 if isinstance(value, (str, bytes, bool)) else int(value)
    if count != value or not absent <= count < 2**53:
        raise ValueError(f"{key} is {str(value)[:40]}")
    return count


def _layers(names: Iterable[str]) -> int:
    """How many layers of a GRU are among our names."""
    return sum(_RECURRENT.fullmatch(name) is not None for name in names)


def _names(
    state: Mapping[str, np.ndarray], source: str | Path
) -> tuple[str | None, dict[str, str]]:
    """(the backbone or None, ``{our name: their name}``) of all parameters in ``state``."""
    shapes = {name: tuple(value.shape) for name, value in state.items()}
    theirs: dict[str, str] = {}
    image: dict[str, tuple[int, ...]] = {}
    for name, shape in shapes.items():
        if name.startswith("image_extractor."):
            image[name] = shape
        else:
            theirs.setdefault(text_name(name), name)  # nn.GRU lists its parameters twice
    missing = [
        part
        for part, there in (
            ("the word embedding", _EMBEDDING in theirs),
            ("the GRU", _layers(theirs) > 0),
            ("the image encoder", image),
        )
        if not there
    ]
    if missing:
        raise InputError(f"{source} lacks {' and '.join(missing)}: give the tutorial's checkpoint.")
    found = image_names(image)
    if found is None:
        raise InputError(
            f"{source}: its image encoder is none of the networks that Paddle ships with one "
            "linear layer behind it: give a checkpoint over resnet152 or vgg19."
        )
    return found.backbone, {**found.theirs, **theirs}


def _outline(
    config: Config, words: Vocabulary, feature_size: int | None, backbone: str | None
) -> dict[str, paddle.Tensor]:
    """``{name: parameter}`` of the model that a configuration describes."""
    model = build_model(*encoders_for_training(config, WordReader(words), feature_size))
    inside = backbone_outline(backbone)[1] if backbone else {}
    return {
        **{BACKBONE + name: parameter for name, parameter in inside.items()},
        **dict(model.named_parameters()),
    }


def _other_shape(
    source: str | Path, name: str, shape: tuple[int, ...], wanted: tuple[int, ...]
) -> InputError:
    return InputError(
        f"{source}: {name} has the shape {shape} instead of {wanted}: give a checkpoint whose "
        "sentences are read by a GRU in one direction."
    )


def _check(
    outline: Mapping[str, paddle.Tensor],
    state: Mapping[str, np.ndarray],
    theirs: Mapping[str, str],
    source: str | Path,
) -> None:
    """InputError unless the file has exactly the model's parameters, in their shapes."""
    for name, parameter in outline.items():
        if name not in theirs:
            raise InputError(f"{source} lacks {name}: give the tutorial's checkpoint.")
        shape, wanted = tuple(state[theirs[name]].shape), tuple(parameter.shape)
        if shape != wanted:
            raise _other_shape(source, theirs[name], shape, wanted)
    unknown = [theirs[name] for name in theirs if name not in outline]
    if unknown:
        raise InputError(
            f"{source} has the parameter {unknown[0]}, which the tutorial's network lacks: give "
            "the tutorial's checkpoint."
        )


def _origin(config: Config, weights: Mapping[str, np.ndarray], feature_size: int) -> FeatureOrigin:
    """The frozen backbone that the other weights were trained over."""
    state = {
        name[len(BACKBONE) :]: value for name, value in weights.items() if name.startswith(BACKBONE)
    }
    steps = Preprocessing.configured(config)
    return FeatureOrigin(config.image_model, feature_size, Encoding(fingerprint(state), steps))
