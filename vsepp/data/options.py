"""What a data set was prepared with, in the configuration of whoever reads it."""

from __future__ import annotations

from pathlib import Path

from vsepp.config import KEYS, PREPARED_KEYS, Config
from vsepp.data.prepared import Prepared, prepare_again
from vsepp.data.splits import prepared_folder
from vsepp.system.errors import InputError


def with_prepared_options(config: Config, prepared: Prepared | None = None) -> Config:
    """A copy of a configuration that says what its data set was prepared with.

    Of a data set prepared by another program, what is not known stays as it is.

    Args:
        config: the configuration.
        prepared: its data set, where it is open already.

    Raises:
        InputError: when the data set is not prepared, or the configuration gives another value
            for one of ``PREPARED_KEYS``.
    """
    folder = prepared_folder(config.data_dir, config.dataset)
    prepared = prepared or Prepared(folder)
    known = {}
    for key, value in prepared.options.items():
        if key not in PREPARED_KEYS:
            continue
        rules = KEYS[key].metadata
        if type(value) is not int or not rules["minimum"] <= value <= rules["maximum"]:
            raise InputError(
                f"{folder / 'prepared.json'}: {key} is {value!r}, which is no number for it: "
                f"{prepare_again(folder)}."
            )
        if config.gives(key) and getattr(config, key) != value:
            raise InputError(
                f"{key}: {folder} was prepared with {value}, the configuration says "
                f"{getattr(config, key)}: leave {key} away, or prepare again with --force."
            )
        known[key] = value
    return config.replaced(**known)


def checked_folder(config: Config) -> Path:
    """The folder of a configuration's data set, which must be prepared as it says.

    Raises:
        InputError: as :func:`with_prepared_options`.
    """
    with_prepared_options(config)
    return prepared_folder(config.data_dir, config.dataset)
