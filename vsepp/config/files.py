"""Configurations as they are written: YAML files, those that come with the package, ``-o``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from vsepp.config.keys import PREPARED_KEYS, Config
from vsepp.config.values import apply, check_key
from vsepp.system.errors import InputError

CONFIG_FOLDER = Path(__file__).parents[1] / "configs"
#: Configurations for any data set: ``-c <dataset>_<recipe>``.
RECIPES = {path.stem: path for path in sorted((CONFIG_FOLDER / "recipes").glob("*.yml"))}

# A file with all of these is a run's config.yml, which no one typed. Trainings have compared
# captions_per_image alone with the data, so the others may be what the data were not made with.
_OF_A_RUN = {*PREPARED_KEYS, "checkpoint", "init_from", "run_dir"}


class _YamlReader(yaml.SafeLoader):
    """Reads what ``yaml.safe_load`` reads, but no key twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} is there twice", key.start_mark
                )
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else None)
        return super().construct_mapping(node, deep)


def read_yaml(path: str | Path) -> dict[str, Any]:
    """The mapping in a YAML file; an empty file is an empty mapping.

    Raises:
        InputError: when it is missing, no YAML, or no mapping.
    """
    try:
        with open(path, encoding="utf-8") as file:
            values = yaml.load(file, _YamlReader)  # a SafeLoader  # nosec B506
    except FileNotFoundError:
        raise InputError(
            f"{path} does not exist: give a YAML file or one of {', '.join(bundled_names())}."
        ) from None
    except (yaml.YAMLError, ValueError, RecursionError, IsADirectoryError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{path} is not a YAML file ({reason}): write lines of `key: value`."
        ) from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise InputError(f"{path} holds no `key: value` lines: write one key to a line.")
    return values


def bundled_names() -> list[str]:
    """Names of the configurations that come with the package."""
    return sorted([*(path.stem for path in CONFIG_FOLDER.glob("*.yml")), *RECIPES])


def _read_named(name: str) -> tuple[dict[str, Any], str]:
    """What the configuration ``name`` or the file of that name says, and which file that is."""
    bundled = CONFIG_FOLDER / f"{name}.yml"
    if bundled.exists():
        return read_yaml(bundled), bundled.name
    if name in RECIPES:
        return read_yaml(RECIPES[name]), RECIPES[name].name
    if "/" not in name:
        for recipe in sorted(RECIPES, key=len, reverse=True):  # paper_finetune is no finetune
            dataset, end, rest = name.rpartition(f"_{recipe}")
            if dataset and end and not rest:
                return {"dataset": dataset, **read_yaml(RECIPES[recipe])}, RECIPES[recipe].name
    return read_yaml(name), name


def _parse_overrides(overrides: Iterable[str]) -> dict[str, Any]:
    values = {}
    for item in overrides:
        key, equals, text = item.partition("=")
        if not equals:
            raise InputError(f"-o {item}: write it as key=value.")
        check_key(key.strip(), "-o")
        try:
            values[key.strip()] = yaml.safe_load(text)
        except (yaml.YAMLError, ValueError, RecursionError):
            raise InputError(f"-o {item}: the value cannot be read; put it in quotes.") from None
    return values


def load_config(
    name: str | Path | None = None, overrides: Iterable[str] = (), dataset: str | None = None
) -> Config:
    """The configuration of a run.

    Args:
        name: a YAML file, or the name of a bundled configuration. Without one, the
            bundled configuration named like the data set, or else the defaults.
            ``<dataset>_<recipe>`` names one of ``RECIPES`` on any data set, such as
            ``<dataset>_paper`` and ``<dataset>_paper_finetune``, the authors' two stages.
            ``<configuration>`` in a path of its checkpoints stands for this name.
        overrides: sequence of ``"key=value"``.
        dataset: name of the data set, when the command gives one.

    Returns:
        Config

    Raises:
        InputError: for an unknown name or key, or a value of the wrong type.
    """
    overridden = _parse_overrides(overrides)
    dataset = overridden.get("dataset", dataset)
    values, where = {}, "defaults"
    if name is None:
        bundled = CONFIG_FOLDER / f"{dataset}.yml"
        if dataset and bundled.exists():
            values, where = read_yaml(bundled), bundled.name
    else:
        values, where = _read_named(str(name))
    config = apply(Config(), values, where)
    if dataset and "dataset" not in overridden:
        config = apply(config, {"dataset": dataset}, "--dataset")
    config = apply(config, overridden, "-o")
    for key in ("best_checkpoint", "last_checkpoint"):
        path = getattr(config, key).replace("<configuration>", Path(name or config.dataset).stem)
        setattr(config, key, path)
    config.given = frozenset(values.keys() | overridden.keys())
    if values.keys() >= _OF_A_RUN:
        config.incidental = frozenset({"max_len", "min_word_count"} - overridden.keys())
    return config
