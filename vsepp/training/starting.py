"""Where a run begins: afresh, from another run's weights, or exactly where one stopped."""

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from vsepp.checkpoint import load_checkpoint
from vsepp.data.features import GIVEN
from vsepp.models.state import set_state
from vsepp.models.vsepp import BACKBONE
from vsepp.system.errors import InputError
from vsepp.system.locks import only_one
from vsepp.training.optimizer import restore_optimizer

# What may differ between a run and its resumption without making it another run.
_FREE_ON_RESUME = {
    "checkpoint",
    "init_from",
    "num_epochs",
    "evaluate_step",
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
    # what the data say, which the vocabulary and captions_per_image are compared with
    "max_len",
    "min_word_count",
}


@dataclass
class Position:
    """Where a run is: all that its next step follows from, besides weights and optimizer."""

    epoch: int = 0  # from 0
    step_in_epoch: int = 0
    step: int = 0
    best_rsum: float = -1.0
    best_step: int = 0
    validated_step: int = -1
    history: list = field(default_factory=list)


def check_destinations(config):
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
def held_destinations(config):
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


def read_resumed(config):
    """The checkpoint that ``config.checkpoint`` names, or None.

    Raises:
        InputError: when it holds no state to resume from, or is of another configuration.
    """
    if not config.checkpoint:
        return None
    if config.checkpoint in ("last", "best"):
        config.checkpoint = str(config.path(f"{config.checkpoint}_checkpoint"))
    resumed = load_checkpoint(config.checkpoint)
    if "optimizer" not in resumed or "position" not in resumed:
        raise InputError(
            f"{config.checkpoint} holds no state to resume from: resume from the "
            "last checkpoint, or use init_from to take its weights alone."
        )
    for key, value in resumed["config"].items():
        now = getattr(config, key, value)
        if key not in _FREE_ON_RESUME and now != value:
            raise InputError(
                f"{config.checkpoint} was trained with {key} = {value!r}, now it is "
                f"{now!r}: set {key} as it was, or use init_from to begin a new run "
                "with its weights."
            )
    return resumed


def restore(config, resumed, data, model, optimizer):
    """Set model and optimizer to where a run stopped, and return its :class:`Position`.

    Raises:
        InputError: when the checkpoint is of another vocabulary, backbone or model.
    """
    path = config.checkpoint
    _check_vocabulary(resumed, path, data)
    if data.backbone and resumed.get("backbone") != vars(data.backbone.origin):
        raise InputError(
            f"{path} was trained over the features of another backbone: set weights "
            "and pretrained as they were."
        )
    set_weights(model, resumed["model"], path, data)
    try:
        position = Position(**resumed["position"])
    except TypeError:
        raise InputError(
            f"{path} has a malformed 'position': the checkpoint is damaged; use "
            "another, or init_from to take its weights alone."
        ) from None
    restore_optimizer(model, optimizer, resumed["optimizer"], position.epoch, path)
    return position


def initialise(path, data, model):
    """Give a new run the weights of another's checkpoint."""
    given = load_checkpoint(path, parts=("model/",))
    _check_vocabulary(given, path, data)
    backbone = given.get("backbone")
    if data.backbone and backbone and backbone["backbone"] != data.backbone.origin.backbone:
        mend = (
            "give a checkpoint over the same features"
            if GIVEN in (backbone["backbone"], data.backbone.origin.backbone)
            else f"set image_model={backbone['backbone']}"
        )
        raise InputError(
            f"init_from: {path} was trained over features of {backbone['backbone']}, "
            f"this run reads those of {data.backbone.origin.backbone}: {mend}."
        )
    set_weights(model, given["model"], path, data)


def set_weights(model, state, path, data):
    """Set a model's weights; over stored features, a backbone among them is passed over."""
    set_state(model, state, str(path), optional=(BACKBONE,) if data.backbone else ())


def _check_vocabulary(checkpoint, path, data):
    if checkpoint["vocab"] != data.vocabulary.word_to_index:
        name = data.splits["train"].folder.name
        raise InputError(
            f"{path} was trained with another vocabulary than that of the data set "
            f"{name}: prepare it as it was, or train anew."
        )
