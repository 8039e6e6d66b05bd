"""The authors' checkpoint and vocabulary become one of our checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vsepp.checkpoint import save_checkpoint
from vsepp.config import Config, apply
from vsepp.convert.damage import damage_reported
from vsepp.models.vsepp import BACKBONE
from vsepp.pickles import PlainObject, read_pickle
from vsepp.system.errors import InputError
from vsepp.text.vocabulary import Vocabulary

_NAMESPACE = {("argparse", "Namespace"): PlainObject}
_VOCABULARY = {("vocab", "Vocabulary"): PlainObject, ("__main__", "Vocabulary"): PlainObject}


def read_authors_vocabulary(path: str | Path) -> Vocabulary:
    """The authors' vocabulary pickle, of Python 2 or 3, as a ``Vocabulary``.

    Raises:
        InputError: when it is damaged, or holds anything else.
    """
    given = read_pickle(path, _VOCABULARY)
    words = getattr(given, "word2idx", None)
    if not isinstance(words, dict):
        raise InputError(
            f"{path} is not a vocabulary of the authors' code: give the .pkl that "
            "belongs to the model."
        )
    with damage_reported(path):
        return Vocabulary({str(word): int(index) for word, index in words.items()}, str(path))


def convert_authors(model: str | Path, vocabulary: str | Path, target: str | Path) -> None:
    """Turn the authors' ``model_best.pth.tar`` and vocabulary pickle into a checkpoint.

    Args:
        model: their checkpoint, over precomputed features or with the full CNN.
        vocabulary: their vocabulary pickle.
        target: our checkpoint.

    Raises:
        InputError: when a file is damaged, holds anything but numbers and options, or when
            the two do not belong together.
    """
    with damage_reported(model):
        _convert_authors(model, vocabulary, target)


def _convert_authors(model: str | Path, vocabulary: str | Path, target: str | Path) -> None:
    given = read_pickle(model, _NAMESPACE)
    options = vars(given["opt"]) if isinstance(given, dict) and "opt" in given else None
    states = given.get("model") if isinstance(given, dict) else None
    if options is None or not isinstance(states, (list, tuple)) or len(states) != 2:
        raise InputError(
            f"{model} is not a checkpoint of the authors' code: it lacks 'opt' or "
            "'model'; give their model_best.pth.tar."
        )
    words = read_authors_vocabulary(vocabulary)
    image, text = states
    config = _authors_config(options, image, model)
    state = _authors_text(text, config, model)
    if len(state["text_extractor.embedding.weight"]) != len(words):
        raise InputError(
            f"{vocabulary} has {len(words)} words, {model} was trained with "
            f"{len(state['text_extractor.embedding.weight'])}: give the vocabulary "
            "that belongs to the model."
        )
    state.update(_authors_image(image, config, model))
    save_checkpoint(
        target,
        state,
        config.to_dict(),
        words.word_to_index,
        epoch=int(given.get("epoch", 0)),
        step=int(given.get("Eiters", 0)),
        metrics=None,
        tokenizer="treebank",
        authors_options=_jsonable(options),
    )


def _jsonable(options: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in options.items()
        if isinstance(value, (str, int, float, bool, type(None)))
    }


def _authors_config(
    options: Mapping[str, Any], image: dict[str, np.ndarray], source: str | Path
) -> Config:
    """The authors' options under our names."""
    return apply(
        Config(),
        dict(
            dataset=str(options.get("data_name", "authors")).replace("_precomp", ""),
            image_model=options.get("cnn_type", "vgg19"),
            finetuned=bool(options.get("finetune")),
            pretrained=False,
            word_dim=options["word_dim"],
            embed_size=options["embed_size"],
            num_layers=options["num_layers"],
            normalize_features=any(name.startswith("cnn.") for name in image),
            normalize_images=not options.get("no_imgnorm", False),
            use_abs=bool(options.get("use_abs", False)),
            measure=options.get("measure", "cosine"),
            margin=float(options.get("margin", 0.2)),
            hard_negative=bool(options.get("max_violation", False)),
            learning_rate=float(options.get("learning_rate", 0.0002)),
            grad_clip=float(options.get("grad_clip", 2.0)),
            batch_size=int(options.get("batch_size", 128)),
            num_epochs=int(options.get("num_epochs", 30)),
        ),
        str(source),
    )


def _authors_text(
    text: dict[str, np.ndarray], config: Config, source: str | Path
) -> dict[str, np.ndarray]:
    state = {"text_extractor.embedding.weight": text.get("embed.weight")}
    for layer in range(config.num_layers):
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            key = f"{name}_l{layer}"
            state[f"text_extractor.gru.{key}"] = text.get(f"rnn.{key}")
    for name, value in state.items():
        if value is None:
            raise InputError(
                f"{source} lacks the text encoder's {name}: give the authors' model_best.pth.tar."
            )
    return {name: np.asarray(value, np.float32) for name, value in state.items()}


def _authors_image(
    image: dict[str, np.ndarray], config: Config, source: str | Path
) -> dict[str, np.ndarray]:
    from vsepp.models.backbones import build_backbone
    from vsepp.models.weights import fit_backbone_weights

    state = {}
    cnn = {
        name[len("cnn.") :].replace("module.", ""): value
        for name, value in image.items()
        if name.startswith("cnn.")
    }
    if cnn:
        backbone = build_backbone(config.image_model)
        fitted = fit_backbone_weights(backbone, config.image_model, cnn, True, source)
        state.update({BACKBONE + name: value for name, value in fitted.items()})
    if "fc.weight" not in image or "fc.bias" not in image:
        raise InputError(
            f"{source} lacks the image encoder's linear layer: give the authors' "
            "model_best.pth.tar."
        )
    state["image_extractor.fc.weight"] = np.asarray(image["fc.weight"], np.float32).T
    state["image_extractor.fc.bias"] = np.asarray(image["fc.bias"], np.float32)
    return state
