"""Which models and which photographs ``vsepp demo`` serves, as far as that takes no model."""

from pathlib import Path
from typing import Any, NamedTuple, Optional, Union

from vsepp.cli.checkpoints import captioner_meant, checkpoint_path, has_checkpoint, newest_best
from vsepp.cli.datasets import configuration, dataset_words, is_named
from vsepp.cli.search_store import milvus, open_index
from vsepp.system.errors import InputError
from vsepp.system.invocation import command


class Choice(NamedTuple):
    """What is served.

    Attributes:
        config: ``Config``.
        checkpoint: a retrieval model's, or None: the page only captions.
        index: ``PhotographIndex``, or None.
        captioner: a captioner's checkpoint, or None.
        is_asked_for: whether the command line names the captioner.
    """

    config: Any
    checkpoint: Optional[Union[str, Path]]
    index: Any
    captioner: Optional[Union[str, Path]]
    is_asked_for: bool


def choose(arguments):
    """The ``Choice`` that the command line makes.

    Raises:
        InputError: when there is no such model, or no such photographs.
    """
    config = configuration(arguments)
    in_milvus = milvus(arguments) is not None
    if in_milvus and arguments.index is not None:
        raise InputError("--index is the folder of an index: leave it away with --store milvus.")
    if in_milvus or arguments.index is not None:
        return _of_index(arguments, config)
    alone = captioner_meant(arguments, config)
    if alone is None and not is_named(arguments):
        config, alone = _trained(arguments, config)
    if alone is not None:
        if arguments.captioner is not None:
            raise InputError(
                f"{alone} is a captioner itself, and --captioner adds one to a retrieval model: "
                "leave out --captioner, or give a retrieval model with --checkpoint."
            )
        return Choice(config, None, None, alone, True)
    from vsepp.data.options import checked_folder

    checked_folder(config)
    checkpoint = checkpoint_path(arguments.checkpoint or "best", arguments, config)
    return Choice(config, checkpoint, None, *_beside(arguments, config))


def _of_index(arguments, config):
    from vsepp.cli.search_query import index_checkpoint

    index = open_index(arguments, arguments.index)
    if not len(index):
        raise InputError(f"{index.index} holds no photographs: index a folder that does.")
    if arguments.checkpoint and (captioner := captioner_meant(arguments, config)):
        raise InputError(
            f"{captioner} is a captioner, which searches nothing: give it with --captioner."
        )
    checkpoint = index_checkpoint(arguments, config, index)
    return Choice(config, checkpoint, index, *_beside(arguments, config))


def _beside(arguments, config):
    """(the captioner that goes with a retrieval model, whether the command line names it)."""
    from vsepp.checkpoint import CAPTIONER, check_kind, read_header

    name = arguments.captioner
    if name == "none":
        return None, False
    if name in (None, "best"):
        found = newest_best(config, config.dataset, CAPTIONER)
        if name and found is None:
            train = command("train", "-c", f"{config.dataset}_caption")
            raise InputError(
                f"there is no captioner of {config.dataset} yet: run `{train}` first, or give a "
                "captioner's file with --captioner."
            )
        return found, name is not None
    if not Path(name).exists():
        raise InputError(f"{name} does not exist: give a captioner's file with --captioner.")
    check_kind(read_header(name), name, CAPTIONER)
    return name, True


def _trained(arguments, config):
    """The configuration of ``flickr8k`` or ``sample``, whichever has a retrieval model, and None;
    where neither has one, that which has a captioner, and the captioner."""
    if arguments.checkpoint not in (None, "best", "last"):
        return config, None
    configs = [
        configuration(arguments, dataset) for dataset in dict.fromkeys((config.dataset, "sample"))
    ]
    for config in configs:
        if (
            has_checkpoint(arguments.checkpoint or "best", arguments, config)
            and (Path(config.data_dir) / config.dataset / "vocab.json").exists()
        ):
            return config, None
    for config in configs:
        if captioner := captioner_meant(arguments, config):
            return config, captioner
    sample = dataset_words(configs[-1])
    raise InputError(
        f"there is no trained model yet: run `{command('prepare', *sample)}` and "
        f"`{command('train', *sample)}` first, which takes minutes."
    )
