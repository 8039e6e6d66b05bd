"""Which data set and which configuration a command means."""

from pathlib import Path


def is_asked_for(arguments):
    """Whether the command line asks for a data set by its name."""
    return bool(
        arguments.dataset or any(item.startswith("dataset=") for item in arguments.override)
    )


def is_named(arguments):
    """Whether the command line says which data set is meant; a configuration says so, too."""
    return bool(arguments.config) or is_asked_for(arguments)


def usual_dataset(data_dir):
    """The data set that is meant when none is named."""
    prepared = Path(data_dir) / "flickr8k" / "vocab.json"
    return "flickr8k" if prepared.exists() else "sample"


def overrides(arguments):
    """What ``-o`` and ``--data-dir`` say, as ``load_config`` takes it."""
    from vsepp.config import override

    given = list(arguments.override)
    if arguments.data_dir:
        given.append(override("data_dir", arguments.data_dir))
    return given


def configuration(arguments, dataset=None):
    """The Config that the arguments of ``vsepp.cli.command.parser`` describe.

    Args:
        dataset: the data set when they name none; None: the usual one.
    """
    from vsepp.config import load_config

    given = overrides(arguments)
    config = load_config(arguments.config, given, arguments.dataset or dataset)
    if dataset or is_named(arguments):
        return config
    return load_config(None, given, usual_dataset(config.data_dir))


def dataset_words(config):
    """The words that name a configuration's data set to another command."""
    from vsepp.data import prepared

    return prepared.dataset_words(Path(config.data_dir) / config.dataset)
