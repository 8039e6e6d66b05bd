"""Which checkpoint and split a command means."""

import sys
from pathlib import Path

from vsepp.cli.datasets import dataset_words
from vsepp.cli.importing import import_paddle
from vsepp.data.karpathy import SPLITS
from vsepp.system.errors import InputError
from vsepp.system.invocation import command
from vsepp.system.printable import printable


def add_arguments(parser):
    """``--checkpoint`` and ``--split``."""
    parser.add_argument(
        "--checkpoint", default="best", metavar="best|last|FILE", help="which model (default: best)"
    )
    parser.add_argument(
        "--split", default="test", choices=SPLITS, help="split of the data set (default: test)"
    )


def open_model(arguments, config, checkpoint=None, any_dataset=False):
    """The ``RetrievalModel`` that ``--checkpoint`` names, or ``checkpoint`` in its place.

    ``-o test_flip`` goes before what the checkpoint says: both scores of a model are of interest.
    Where neither a data set (``any_dataset``) nor a file was named, it is said which model that is.
    """
    name = checkpoint or arguments.checkpoint
    path = checkpoint_path(name, arguments, config, any_dataset)
    import_paddle()
    from vsepp.models.device import select_device
    from vsepp.retrieval.model import load

    select_device(config.device)
    model = load(path)
    if any(item.partition("=")[0].strip() == "test_flip" for item in arguments.override):
        model.config = model.config.replaced(test_flip=config.test_flip)
    wanted = model.config.backbone_precision
    if model.precision != wanted:
        print(
            f"{path} asks for backbone_precision {wanted}, which this machine does not compute "
            f"in: photographs are encoded in {model.precision}",
            file=sys.stderr,
        )
    if any_dataset and name in ("best", "last"):
        print(f"model: {printable(str(path))}, {_learnt_from(model.config)}", file=sys.stderr)
    return model


def _learnt_from(config):
    """What a model has seen, for whoever did not choose it."""
    if config.dataset == "sample":
        return (
            "trained on the drawn scenes of the sample alone: it can make little of photographs; "
            "--checkpoint FILE takes another"
        )
    if config.dataset == "clip":  # as it was converted
        return "a CLIP of others"
    return f"trained on {printable(config.dataset)}"


def checkpoint_path(name, arguments, config, any_dataset=False):
    """The file of ``best``, ``last`` or a file's name.

    ``best`` is that of the configuration which ``-c`` or ``best_checkpoint`` names; without
    them the documented path of the data set, or else the newest best that was trained on it,
    which is then said on standard error.

    Args:
        name: ``best``, ``last`` or a file.
        arguments: those of ``vsepp.cli.command.parser``.
        config: the configuration that they describe.
        any_dataset: whether the newest best of any data set will do.

    Raises:
        InputError: when it is not there.
    """
    path = config.path(f"{name}_checkpoint") if name in ("best", "last") else Path(name)
    if path.exists():
        return path if name in ("best", "last") else name
    if name == "best":
        newest = _newest_best(arguments, config, None if any_dataset else config.dataset)
        if newest:
            print(f"best: {newest}, the newest there is, since {path} is not", file=sys.stderr)
            return newest
    raise InputError(
        f"{path} does not exist: there is no checkpoint yet; run "
        f"`{command('train', *dataset_words(config))}` first, or give one with --checkpoint."
    )


def has_checkpoint(name, arguments, config):
    """Whether :func:`checkpoint_path` would find ``best`` or ``last``."""
    if config.path(f"{name}_checkpoint").exists():
        return True
    return name == "best" and _newest_best(arguments, config, config.dataset) is not None


def _newest_best(arguments, config, dataset):
    """The newest best checkpoint of a retrieval model in the folders beside the documented one.

    None where the configuration itself was chosen: its own is meant then.
    """
    from vsepp.checkpoint import read_header

    if arguments.config or "best_checkpoint" in config.given:
        return None
    found = config.path("best_checkpoint").parent.parent.glob("*/best*.ckpt")
    for path in sorted(found, key=lambda path: path.stat().st_mtime_ns, reverse=True):
        try:
            header = read_header(path)
        except InputError:
            continue
        of = header["config"].get("dataset")
        if header.get("task", "retrieval") == "retrieval" and dataset in (None, of):
            return path
    return None
