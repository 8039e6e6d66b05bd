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
    from vsepp.retrieval.model import RetrievalModel

    select_device(config.device)
    model = RetrievalModel(path)
    if any(item.partition("=")[0].strip() == "test_flip" for item in arguments.override):
        model.config = model.config.replaced(test_flip=config.test_flip)
    wanted = model.config.backbone_precision
    if model.precision != wanted:
        print(
            f"{path} asks for backbone_precision {wanted}, which this machine does not compute "
            f"in: photographs are encoded in {model.precision}",
            file=sys.stderr,
        )
    _say_which(name, path, model, any_dataset)
    return model


def open_captioner(arguments, config, any_dataset=False, checkpoint=None):
    """The ``CaptionModel`` that ``--checkpoint`` names, or ``checkpoint`` in its place; the rest is
    as of :func:`open_model`."""
    name = checkpoint or arguments.checkpoint
    path = checkpoint_path(name, arguments, config, any_dataset, "captioner")
    import_paddle()
    from vsepp.captioning.model import CaptionModel
    from vsepp.models.device import select_device

    select_device(config.device)
    model = CaptionModel(path)
    _say_which(name, path, model, any_dataset)
    return model


def open_chooser(arguments, config, name):
    """The ``RetrievalModel`` that ``--rerank`` or ``--retrieve`` names beside a captioner. With a
    captioner's configuration ``best`` is the data set's newest retrieval model, which is said."""
    if name == "best" and config.caption_model:
        from vsepp.checkpoint import RETRIEVAL

        name = newest_best(config, config.dataset, RETRIEVAL)
        if name is None:
            train = command("train", *dataset_words(config))
            raise InputError(
                f"there is no retrieval model of {config.dataset} yet: run `{train}` first, or "
                "give the file of one."
            )
        print(f"retrieval model: {printable(str(name))}, the newest there is", file=sys.stderr)
    return open_model(arguments, config, str(name))


def decoding_options(arguments, config):
    """``{name: value}``: what ``-o`` says of how sentences are chosen. It goes before what the
    checkpoint's configuration says."""
    from vsepp.captioning.options import CONFIGURED

    overridden = {item.partition("=")[0].strip() for item in arguments.override}
    return {name: getattr(config, name) for name in CONFIGURED if name in overridden}


def path_of_any_kind(arguments, config):
    """The file that ``--checkpoint`` names, for a tool that takes models of both kinds: ``best`` is
    a retrieval model where there is one."""
    retrieval = arguments.checkpoint == "best" and has_checkpoint("best", arguments, config)
    kind = "retrieval" if retrieval else None
    return checkpoint_path(arguments.checkpoint, arguments, config, kind=kind)


def _say_which(name, path, model, any_dataset):
    if any_dataset and name in ("best", "last"):
        print(f"model: {printable(str(path))}, {_learnt_from(model.config)}", file=sys.stderr)


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


def checkpoint_path(name, arguments, config, any_dataset=False, kind="retrieval"):
    """The file of ``best``, ``last`` or a file's name.

    ``best`` is that of the configuration which ``-c`` or ``best_checkpoint`` names; without
    them the documented path of the data set, where a model of that kind is, or else the newest
    best that was trained on it, which is then said on standard error.

    Args:
        name: ``best``, ``last`` or a file.
        arguments: those of ``vsepp.cli.command.parser``.
        config: the configuration that they describe.
        any_dataset: whether the newest best of any data set will do.
        kind: of the models that the tool takes, as ``vsepp.checkpoint.kind_of``; None: any.

    Raises:
        InputError: when it is not there.
    """
    from vsepp.checkpoint import kind_in_words, wrong_kind

    path = config.path(f"{name}_checkpoint") if name in ("best", "last") else Path(name)
    other = name == "best" and not _is_chosen(arguments, config) and _other_kind(path, kind)
    if path.exists() and not other:
        return path if name in ("best", "last") else name
    if name == "best":
        newest = _newest_best(arguments, config, None if any_dataset else config.dataset, kind)
        if newest:
            what = f"{kind} there is" if other else "there is"
            why = f"is {kind_in_words(other)}" if other else "is not"
            print(f"best: {newest}, the newest {what}, since {path} {why}", file=sys.stderr)
            return newest
    if kind == "captioner" and name == "best":
        found = f"{path} is {kind_in_words(other)}" if other else f"{path} does not exist"
        train = command("train", "-c", f"{config.dataset}_caption")
        raise InputError(
            f"{found}: there is no captioner yet; run `{train}` first, or give one with "
            "--checkpoint."
        )
    if other:
        raise wrong_kind(path, other)
    raise InputError(
        f"{path} does not exist: there is no checkpoint yet; run "
        f"`{command('train', *dataset_words(config))}` first, or give one with --checkpoint."
    )


def has_checkpoint(name, arguments, config):
    """Whether :func:`checkpoint_path` would find ``best`` or ``last`` of a retrieval model."""
    path = config.path(f"{name}_checkpoint")
    if name == "last":
        return path.exists()
    if path.exists() and (_is_chosen(arguments, config) or not _other_kind(path, "retrieval")):
        return True
    return _newest_best(arguments, config, config.dataset, "retrieval") is not None


def captioner_meant(arguments, config):
    """The captioner that ``--checkpoint`` means, where it means one, by its kind; None: it means a
    retrieval model, or nothing that is there.

    ``best`` of a data set is its retrieval model, as long as there is one.

    Raises:
        InputError: when the configuration is a captioner's, and there is none of it.
    """
    name = arguments.checkpoint or "best"
    if config.caption_model and name in ("best", "last"):
        return checkpoint_path(name, arguments, config, kind="captioner")
    if name == "best" and not _is_chosen(arguments, config):
        if has_checkpoint(name, arguments, config):
            return None
        return newest_best(config, config.dataset, "captioner")
    path = config.path(f"{name}_checkpoint") if name in ("best", "last") else Path(name)
    return path if _other_kind(path, "retrieval") == "captioner" else None


def _is_chosen(arguments, config):
    """Whether the configuration itself was chosen: its own best is meant then."""
    return bool(arguments.config or "best_checkpoint" in config.given)


def _other_kind(path, kind):
    """The kind of a checkpoint that is of another one than ``kind``, or None."""
    from vsepp.checkpoint import kind_of, read_header

    if kind is None or not path.exists():
        return None
    try:
        found = kind_of(read_header(path))
    except InputError:  # whoever opens it says what is wrong with it
        return None
    return found if found != kind else None


def _newest_best(arguments, config, dataset, kind):
    """As :func:`newest_best`; None where the configuration itself was chosen: its own is meant
    then."""
    return None if _is_chosen(arguments, config) else newest_best(config, dataset, kind)


def newest_best(config, dataset, kind):
    """The newest best checkpoint of a kind, and of a data set, in the folders beside the documented
    one; None where there is none, or as ``dataset`` or ``kind``: any."""
    from vsepp.checkpoint import kind_of, read_header

    found = config.path("best_checkpoint").parent.parent.glob("*/best*.ckpt")
    for path in sorted(found, key=lambda path: path.stat().st_mtime_ns, reverse=True):
        try:
            header = read_header(path)
        except InputError:
            continue
        of = header["config"].get("dataset")
        if kind in (None, kind_of(header)) and dataset in (None, of):
            return path
    return None
