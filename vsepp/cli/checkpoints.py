"""Which checkpoint, split and data set a command means."""

from pathlib import Path

from vsepp.cli.importing import import_paddle
from vsepp.data.karpathy import SPLITS
from vsepp.system.errors import InputError


def add_arguments(parser):
    """``--checkpoint`` and ``--split``."""
    parser.add_argument(
        "--checkpoint", default="best", metavar="best|last|FILE", help="which model (default: best)"
    )
    parser.add_argument(
        "--split", default="test", choices=SPLITS, help="split of the data set (default: test)"
    )


def open_model(arguments, config, checkpoint=None):
    """The ``RetrievalModel`` that ``--checkpoint`` names, or ``checkpoint`` in its place."""
    path = checkpoint_path(checkpoint or arguments.checkpoint, config)
    import_paddle()
    from vsepp.models.device import select_device
    from vsepp.retrieval.model import load

    select_device(config.device)
    return load(path)


def checkpoint_path(name, config):
    """The file of ``best``, ``last`` or a file's name; InputError when it is not there."""
    path = config.path(f"{name}_checkpoint") if name in ("best", "last") else name
    if not Path(path).exists():
        raise InputError(
            f"{path} does not exist: there is no checkpoint yet; run `python "
            f"tools/train.py --dataset {config.dataset}` first, or give one with "
            "--checkpoint."
        )
    return path
