"""What is settled before a run begins: where its checkpoints go, and which one it goes on from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from vsepp.captioning.options import CONFIGURED
from vsepp.checkpoint import kind_in_words, kind_of, load_checkpoint, read_header
from vsepp.config import KEYS, Config, apply, override
from vsepp.models.backbones import find_own_images, with_own_images
from vsepp.models.decoders import SHAPING_KEYS
from vsepp.system.errors import InputError
from vsepp.system.invocation import command, quoted
from vsepp.system.locks import only_one

# What may differ between a run and its resumption without making it another run.
_FREE_ON_RESUME = {
    "checkpoint",
    "init_from",
    "num_epochs",
    "early_stop",
    "evaluate_step",
    "save_seconds",
    "log_step",
    "device",
    "workers",
    "data_dir",
    "run_dir",
    "best_checkpoint",
    "last_checkpoint",
    "weights",
    "pretrained",
    "image_store",
    "text_weights",
    "word_vectors",
    *CONFIGURED,  # how sentences are chosen at a validation
    # what the data say, which the vocabulary and captions_per_image are compared with
    "max_len",
    "min_word_count",
}

# What the weights of a checkpoint fit: where nobody says otherwise, a run that begins with them
# has it from there.
_OF_THE_WEIGHTS = (
    "caption_model",
    *SHAPING_KEYS,
    "text_model",
    "text_frozen",
    "text_pooling",
    "word_dim",
    "embed_size",
    "num_layers",
    "image_model",
    "image_features",
    "image_grid",
    "image_pooling",
    "image_mlp",
    "projection",
    "test_flip",
    "finetuned",
    "pretrained",
    "weights",
    "resize",
    "image_size",
    "pixels",
    "normalize_features",
    "normalize_images",
    "use_abs",
    "measure",
    "loss",
)


def with_model_of_init_from(config: Config) -> tuple[Config, str | None]:
    """The configuration with the model of its ``init_from``, where its user says nothing else.

    Args:
        config: as ``load_config`` makes it, which knows what was given.

    Returns:
        (a copy, which keys are the checkpoint's, as a line, or None where all were so already)
    """
    if not config.init_from:
        return config, None
    source = named_checkpoint(config).checkpoint
    if not source or not Path(source).is_file():  # a run that goes on has all of it by itself
        source = config.init_from
    if not Path(source).exists():
        raise InputError(
            f"init_from: {source} does not exist: set it to a checkpoint to begin with; a CLIP "
            f"becomes one with `{command('convert')} --clip FOLDER {quoted(source)}`."
        )
    theirs = read_header(source)["config"]
    taken = {
        key: theirs[key]
        for key in _OF_THE_WEIGHTS
        if key in theirs and key not in config.given and theirs[key] != getattr(config, key)
    }
    config = _with_images_of(apply(config, taken, source), theirs)
    if not taken:
        return config, None
    words = ", ".join(override(key, value) for key, value in taken.items())
    return config, f"as in {source}: {words}"


def with_images_of_run(config: Config) -> Config:
    """The configuration with the images that its backbone wants, where its user chose no others.

    A run that goes on has those of its checkpoint: an earlier version may have had others.
    """
    path = named_checkpoint(config).checkpoint
    if path and find_own_images(config) and Path(path).is_file():
        config = _with_images_of(config, read_header(path)["config"])
    return with_own_images(config)


def _with_images_of(config: Config, theirs: dict[str, Any]) -> Config:
    """The configuration with the images of a checkpoint of the same backbone, as if given."""
    keys = find_own_images(config)
    if theirs.get("image_model") != config.image_model or not keys:
        return config
    result = config.replaced(**{key: _stored(theirs, key) for key in keys if not config.gives(key)})
    result.given |= keys.keys()
    return result


def check_destinations(config: Config) -> None:
    """InputError where the checkpoints could not be written, or would replace each other."""
    paths = {key: config.path(key) for key in ("best_checkpoint", "last_checkpoint")}
    for key, path in paths.items():
        if path.is_dir():
            raise InputError(f"{key}: {path} is a folder: give the name of a file.")
    best, last = (path.resolve() for path in paths.values())
    if best == last:
        raise InputError(
            f"best_checkpoint and last_checkpoint are both {paths['best_checkpoint']}"
            ": give two names, or the last replaces the best."
        )


@contextmanager
def held_destinations(config: Config) -> Iterator[None]:
    """Let no other training write the same checkpoints while the block runs.

    Raises:
        InputError: when another one does, or as :func:`check_destinations`.
    """
    check_destinations(config)
    with ExitStack() as locks:
        for key in ("last_checkpoint", "best_checkpoint"):
            path = config.path(key)
            locks.enter_context(
                only_one(
                    path.with_name(f"{path.name}.lock"),
                    f"another training is writing {path}: wait "
                    f"for its end, or set {key} to another file.",
                )
            )
        yield


def named_checkpoint(config: Config) -> Config:
    """A copy of ``config`` whose ``checkpoint`` is a path where it was ``last`` or ``best``."""
    if config.checkpoint not in ("last", "best"):
        return config.replaced()
    path = config.path(f"{config.checkpoint}_checkpoint")
    return config.replaced(checkpoint=str(path))


def read_resumed(config: Config) -> dict[str, Any] | None:
    """The checkpoint at ``config.checkpoint``, or None where there is none to go on from.

    Raises:
        InputError: when it holds no state to resume from, or is of another configuration.
    """
    if not config.checkpoint:
        return None
    resumed = load_checkpoint(config.checkpoint)
    if "optimizer" not in resumed or "position" not in resumed:
        raise InputError(
            f"{config.checkpoint} holds no state to resume from: resume from the "
            "last checkpoint, or use init_from to take its weights alone."
        )
    # by the configuration alone: what else a task is, it says itself
    check_own_kind(config, {"config": resumed["config"]}, config.checkpoint)
    key = differing_key(config, resumed["config"])
    if key:
        value = _stored(resumed["config"], key)
        raise InputError(
            f"{config.checkpoint} was trained with {key} = {value!r}, now it is "
            f"{getattr(config, key)!r}: set {key} as it was, or use init_from to begin a new run "
            "with its weights."
        )
    return resumed


def check_own_kind(config: Config, checkpoint: dict[str, Any], source: str) -> None:
    """InputError where a run would begin, or go on, with a model of the other kind.

    Args:
        config: the run's.
        checkpoint: its header.
        source: the checkpoint's file, with the key that names it where that helps.
    """
    theirs, ours = kind_of(checkpoint), kind_of({"config": config.to_dict()})
    if theirs != ours:
        raise InputError(
            f"{source} is {kind_in_words(theirs)}, and this run trains {kind_in_words(ours)}: give "
            "a checkpoint of its kind, or leave it out."
        )


def differing_key(config: Config, stored: dict[str, Any]) -> str | None:
    """The first key of a checkpoint's configuration that makes ``config`` another run's, or None.

    A key that its version did not have yet was as its default is.
    """
    free = _FREE_ON_RESUME
    if config.schedule == "cosine" or config.self_critical:
        free = free - {"num_epochs"}  # every rate follows from it, or the last epochs' loss
    for key in (*stored, *KEYS):
        if key in KEYS and key not in free and getattr(config, key) != _stored(stored, key):
            return key
    return None


def _stored(stored: dict[str, Any], key: str) -> Any:
    return stored.get(key, KEYS[key].default)
