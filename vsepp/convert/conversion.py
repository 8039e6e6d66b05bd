"""Other people's files become ours, and ours theirs, without running code from them."""

import dataclasses
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from vsepp.checkpoint import load_checkpoint, save_checkpoint
from vsepp.config import Config, apply
from vsepp.models.vsepp import BACKBONE
from vsepp.pickles import PlainObject, read_pickle
from vsepp.system.atomic import atomic_path
from vsepp.system.errors import InputError
from vsepp.system.tensor_files import write_tensors
from vsepp.text.vocabulary import Vocabulary

_NAMESPACE = {("argparse", "Namespace"): PlainObject}
_VOCABULARY = {("vocab", "Vocabulary"): PlainObject, ("__main__", "Vocabulary"): PlainObject}


@contextmanager
def _damage_reported(path):
    """Whatever other values than the expected ones do in the block is the file's fault."""
    try:
        yield
    except InputError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise InputError(
            f"{path} is damaged, or of another program ({reason}): give the file as it was saved."
        ) from None


def convert_backbone(name, source, target):
    """Write a backbone's weights as ``.safetensors`` under Paddle's names, for ``weights:``.

    Args:
        name: of the backbone.
        source: torchvision's ``.pth`` or ``.safetensors``, or Paddle's ``.pdparams``.
        target: ``.safetensors`` file.

    Raises:
        InputError: when the file does not hold exactly that backbone's weights.
    """
    from vsepp.models.backbones import build_backbone
    from vsepp.models.weights import read_backbone_weights

    if Path(target).suffix != ".safetensors":
        raise InputError(
            f"{target}: a backbone is written as .safetensors; give a name with that ending."
        )
    state = read_backbone_weights(build_backbone(name), name, source)
    write_tensors(target, state, {"format": "pd", "backbone": name})


def read_authors_vocabulary(path):
    """The authors' vocabulary pickle, of Python 2 or 3, as a ``Vocabulary``."""
    given = read_pickle(path, _VOCABULARY)
    words = getattr(given, "word2idx", None)
    if not isinstance(words, dict):
        raise InputError(
            f"{path} is not a vocabulary of the authors' code: give the .pkl that "
            "belongs to the model."
        )
    with _damage_reported(path):
        return Vocabulary({str(word): int(index) for word, index in words.items()}, str(path))


def convert_authors(model, vocabulary, target):
    """Turn the authors' ``model_best.pth.tar`` and vocabulary pickle into a checkpoint.

    Args:
        model: their checkpoint, over precomputed features or with the full CNN.
        vocabulary: their vocabulary pickle.
        target: our checkpoint.

    Raises:
        InputError: when a file is damaged, holds anything but numbers and options, or when
            the two do not belong together.
    """
    with _damage_reported(model):
        _convert_authors(model, vocabulary, target)


def _convert_authors(model, vocabulary, target):
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


def _jsonable(options):
    return {
        name: value
        for name, value in options.items()
        if isinstance(value, (str, int, float, bool, type(None)))
    }


def _authors_config(options, image, source):
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
        source,
    )


def _authors_text(text, config, source):
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


def _authors_image(image, config, source):
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


def convert_tutorial(source, vocabulary, target):
    """Turn the tutorial's checkpoint (``epoch, step, model, optimizer``) into one of ours.

    The options that the file does not hold are read off the shapes of its weights. The
    optimizer's state is left behind: it is stored under names that Paddle made up.

    Args:
        source: the tutorial's ``.ckpt``, or a ``.pdparams`` of its model.
        vocabulary: the ``vocab.json`` it was trained with.
        target: our checkpoint.
    """
    with _damage_reported(source):
        _convert_tutorial(source, vocabulary, target)


def _convert_tutorial(source, vocabulary, target):
    given = read_pickle(source)
    state = given.get("model", given) if isinstance(given, dict) else None
    if not isinstance(state, dict) or not all(hasattr(value, "shape") for value in state.values()):
        raise InputError(
            f"{source} holds no weights under 'model': give the tutorial's checkpoint."
        )
    words = Vocabulary.load(vocabulary)
    named = {_tutorial_name(name): np.asarray(value, np.float32) for name, value in state.items()}
    embedding = named.get("text_extractor.embedding.weight")
    linear = named.get("image_extractor.fc.weight")
    if embedding is None or linear is None:
        raise InputError(
            f"{source} lacks the word embedding or the image encoder's linear layer: "
            "give the tutorial's checkpoint."
        )
    if len(embedding) != len(words):
        raise InputError(
            f"{vocabulary} has {len(words)} words, {source} was trained with "
            f"{len(embedding)}: give the vocabulary that belongs to it."
        )
    backbone = {
        name[len(BACKBONE) :]: value.shape
        for name, value in named.items()
        if name.startswith(BACKBONE)
    }
    layers = sum("gru.weight_hh_l" in name for name in named)
    config = dataclasses.replace(
        Config(),
        image_model=_backbone_of(backbone, source) if backbone else "resnet152",
        finetuned=bool(backbone),
        pretrained=False,
        word_dim=embedding.shape[1],
        embed_size=linear.shape[1],
        num_layers=layers,
    )
    save_checkpoint(
        target,
        named,
        config.to_dict(),
        words.word_to_index,
        epoch=int(given.get("epoch", 0)) if "model" in given else 0,
        step=int(given.get("step", 0)) if "model" in given else 0,
        tokenizer="words",
    )


def _tutorial_name(name):
    """A parameter's name in the tutorial under ours: its layers differ in what they are called."""
    for theirs, ours in (
        ("image_extractor.net.fc.", "image_extractor.fc."),
        ("image_extractor.net.classifier.6.", "image_extractor.fc."),
        ("image_extractor.net.", BACKBONE),
        ("text_extractor.embed.", "text_extractor.embedding."),
        ("text_extractor.rnn.", "text_extractor.gru."),
    ):
        if name.startswith(theirs):
            return ours + name[len(theirs) :]
    return name


def _backbone_of(shapes, source):
    """The backbone whose parameters have exactly these names and shapes."""
    from vsepp.models.backbones import build_backbone

    for name in ("resnet152", "vgg19", "resnet101", "resnet50", "resnet34", "resnet18", "vgg16"):
        own = build_backbone(name).state_dict()
        if set(own) <= set(shapes) and all(
            tuple(own[key].shape) == tuple(shapes[key]) for key in own
        ):
            return name
    raise InputError(
        f"{source}: its image encoder is none of the networks the tutorial uses: "
        "give a checkpoint over resnet152 or vgg19."
    )


def export_pdparams(source, target):
    """Write a checkpoint's weights as ``.pdparams``, for people who call ``paddle.load``.

    Args:
        source: our checkpoint.
        target: ``.pdparams`` file.
    """
    import paddle

    model = load_checkpoint(source, parts=("model/",))["model"]
    with atomic_path(target) as temporary:
        paddle.save(
            {name: paddle.to_tensor(value) for name, value in model.items()}, str(temporary)
        )
