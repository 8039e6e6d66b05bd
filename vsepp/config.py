"""The configuration: every key with its type, default and meaning, read from YAML.

A configuration is a flat set of keys. It comes from the defaults below, then a file
(``-c``: a path, or the name of one of ``vsepp/configs/*.yml``), then single values
(``-o key=value``). Unknown keys and values of the wrong type are refused.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import math
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional, Union

import yaml

from vsepp.system.errors import InputError

CONFIG_FOLDER = Path(__file__).parent / "configs"
AUTO = "auto"

#: What ``prepared.json`` knows. Whoever reads a data set takes it from there, see
#: ``vsepp.data.options``; the defaults are those of preparing one.
PREPARED_KEYS = ("captions_per_image", "min_word_count", "max_len")
# A file with all of these is a run's config.yml, which no one typed. Trainings have compared
# captions_per_image alone with the data, so the others may be what the data were not made with.
_OF_A_RUN = {*PREPARED_KEYS, "checkpoint", "init_from", "run_dir"}


def _key(
    default: Any,
    types: tuple,
    meaning: str,
    choices: tuple[str, ...] | None = None,
    minimum: float | None = None,
    above: float | None = None,
    maximum: int = 2**31 - 1,
) -> Any:
    metadata = dict(
        types=types, meaning=meaning, choices=choices, minimum=minimum, above=above, maximum=maximum
    )
    return field(default=default, metadata=metadata)


@dataclass
class Config:
    """All keys of a run. Attribute access: ``config.margin``.

    Attributes:
        given: the keys that a file or ``-o`` set, where :func:`load_config` made it.
        incidental: those of them that only a run's own record of itself set.
    """

    # data
    dataset: str = _key("flickr8k", (str,), "name of the data set: the folder below data_dir")
    data_dir: str = _key("./data", (str,), "folder that holds the data sets")
    captions_per_image: int = _key(
        5, (int,), "of prepare: captions that belong to one image", minimum=1, maximum=10_000
    )
    min_word_count: int = _key(
        5,
        (int,),
        "of prepare: a word is kept when it occurs more often than this outside test",
        minimum=0,
    )
    max_len: int = _key(
        30, (int,), "of prepare: longest caption kept, in words", minimum=1, maximum=10_000
    )
    use_restval: bool = _key(False, (bool,), "COCO: train on the restval split too")
    resize: int = _key(
        256, (int,), "shorter side of an image before cropping, in pixels", minimum=1, maximum=9000
    )
    image_size: int = _key(
        224, (int,), "side of the square crop the network sees", minimum=1, maximum=9000
    )
    workers: Union[int, str] = _key(
        AUTO, (int, AUTO), "processes that load images", minimum=0, maximum=1024
    )
    features: Union[bool, str] = _key(
        AUTO,
        (bool, AUTO),
        "train on stored features of the frozen backbone (auto: when it is frozen)",
    )
    image_store: bool = _key(
        False, (bool,), "decode and resize the photographs once, into a large file beside the data"
    )
    # model
    image_model: str = _key("resnet152", (str,), "image backbone")
    finetuned: bool = _key(True, (bool,), "train the backbone as well")
    pretrained: bool = _key(
        True, (bool,), "start the backbone from ImageNet weights (may download)"
    )
    weights: Optional[str] = _key(None, (str, None), "file with the backbone's weights")
    backbone_precision: str = _key(
        "float32",
        (str,),
        "of a frozen backbone on a CPU: bfloat16 is twice as fast where the processor has it",
        choices=("float32", "bfloat16"),
    )
    text_model: str = _key("gru", (str,), "text encoder")
    word_dim: int = _key(300, (int,), "size of a word's embedding", minimum=1, maximum=2**16)
    embed_size: int = _key(1024, (int,), "size of the joint embedding", minimum=1, maximum=2**16)
    num_layers: int = _key(1, (int,), "layers of the GRU", minimum=1, maximum=100)
    normalize_features: bool = _key(
        False, (bool,), "L2-normalise the backbone's features before the linear layer"
    )
    normalize_images: bool = _key(True, (bool,), "L2-normalise the image codes")
    use_abs: bool = _key(False, (bool,), "take absolute values of the codes")
    measure: str = _key("cosine", (str,), "similarity", choices=("cosine", "order"))
    # loss
    loss: str = _key("triplet", (str,), "ranking loss", choices=("triplet", "npair"))
    margin: float = _key(0.2, (float,), "margin of the triplet loss", minimum=0)
    hard_negative: bool = _key(True, (bool,), "only the hardest negative of the batch counts")
    hard_negative_warmup: int = _key(
        0, (int,), "epochs with the sum of hinges before hard_negative sets in", minimum=0
    )
    mask_same_image: bool = _key(
        False, (bool,), "other captions of the same image are not negatives"
    )
    mask_equal_captions: bool = _key(
        False, (bool,), "captions that are word for word equal are not negatives of each other"
    )
    # optimisation
    batch_size: int = _key(16, (int,), "image-caption pairs in a batch", minimum=1)
    micro_batch_size: int = _key(
        0,
        (int,),
        "images that a backbone in training sees at a time, in less memory; the loss "
        "still sees the batch (0: all)",
        minimum=0,
    )
    recompute: bool = _key(
        False, (bool,), "compute the backbone's activations twice instead of keeping them"
    )
    batch_by_length: bool = _key(
        False, (bool,), "batches of captions of similar length: less padding"
    )
    num_epochs: int = _key(45, (int,), "passes over the training captions", minimum=1)
    learning_rate: float = _key(0.00002, (float,), "Adam's learning rate at the start", above=0)
    lr_update: int = _key(15, (int,), "epochs between two cuts of the learning rate", minimum=1)
    lr_decay: float = _key(0.5, (float,), "factor of each cut", above=0)
    min_learning_rate: float = _key(
        0.000002, (float,), "the learning rate never goes below", minimum=0
    )
    grad_clip: float = _key(2.0, (float,), "largest global norm of the gradients", above=0)
    evaluate_step: int = _key(60, (int,), "steps between two validations", minimum=1)
    save_seconds: int = _key(
        300,
        (int,),
        "seconds after which a validation writes the last checkpoint anew (0: each does); "
        "the end of an epoch and a stop always do",
        minimum=0,
    )
    log_step: int = _key(10, (int,), "steps between two lines of the log", minimum=1)
    seed: int = _key(0, (int,), "everything random follows from it", minimum=0)
    device: str = _key(AUTO, (str,), "where to compute", choices=(AUTO, "cpu", "gpu"))
    amp: str = _key(
        "off", (str,), "mixed precision on a GPU", choices=("off", "bfloat16", "float16")
    )
    # files
    checkpoint: Optional[str] = _key(
        None, (str, None), "resume exactly from this checkpoint (or: last)"
    )
    init_from: Optional[str] = _key(
        None, (str, None), "take the weights alone from this checkpoint"
    )
    best_checkpoint: str = _key(
        "./model/vsepp/best_<dataset>.ckpt", (str,), "where the best model on validation goes"
    )
    last_checkpoint: str = _key(
        "./model/vsepp/last_<dataset>.ckpt", (str,), "where the state to resume from goes"
    )
    run_dir: str = _key("./runs", (str,), "where logs, curves and VisualDL files go")

    def __post_init__(self) -> None:
        self.given: frozenset[str] = frozenset()
        self.incidental: frozenset[str] = frozenset()

    def gives(self, key: str) -> bool:
        """Whether somebody chose the value of ``key``: in a file, with ``-o``, or in Python."""
        if key in self.given:
            return key not in self.incidental
        return getattr(self, key) != KEYS[key].default

    def replaced(self, **values: Any) -> Config:
        """A copy with other values, which counts the same keys as given."""
        result = dataclasses.replace(self, **values)
        result.given, result.incidental = self.given, self.incidental
        return result

    def to_dict(self) -> dict[str, Any]:
        """The keys and values as a plain dictionary."""
        return dataclasses.asdict(self)

    def path(self, key: str) -> Path:
        """The value of a path key with ``<dataset>`` filled in, as a ``Path``."""
        return Path(getattr(self, key).replace("<dataset>", self.dataset))


KEYS = {key.name: key for key in dataclasses.fields(Config)}


def _type_names(types: tuple) -> str:
    names = {
        int: "a whole number",
        float: "a number",
        bool: "true or false",
        str: "text",
        None: "null",
        AUTO: AUTO,
    }
    return " or ".join(names[kind] for kind in types)


def _convert(key: str, value: Any, where: str) -> Any:
    """``value`` as the type of ``key``; InputError when it does not fit."""
    rules = KEYS[key].metadata
    types = rules["types"]
    if key == "amp" and value is False:  # YAML reads a bare `off` as false
        value = "off"
    if value is None and None in types:
        return None
    if value == AUTO and isinstance(value, str) and AUTO in types:
        return value
    if isinstance(value, bool):
        good = bool in types
    elif isinstance(value, int):
        good = int in types or float in types and abs(value) <= sys.float_info.max
    elif isinstance(value, float):
        good = float in types and math.isfinite(value)
    elif isinstance(value, str) and float in types:
        try:  # YAML 1.1 reads 2e-5 as text
            number = float(value)
        except ValueError:
            number = math.nan
        good = math.isfinite(number)
        value = number if good else value
    else:
        good = isinstance(value, str) and str in types
    if not good:
        raise InputError(f"{where}: {key} must be {_type_names(types)}, not {value!r}.")
    if float in types:
        value = float(value)
    if rules["choices"] and value not in rules["choices"]:
        raise InputError(
            f"{where}: {key} must be one of {', '.join(rules['choices'])}, not {value!r}."
        )
    if rules["minimum"] is not None and not isinstance(value, str) and value < rules["minimum"]:
        raise InputError(f"{where}: {key} must be at least {rules['minimum']}, not {value!r}.")
    if type(value) is int and value > rules["maximum"]:
        raise InputError(f"{where}: {key} must be at most {rules['maximum']}, not {value!r}.")
    if rules["above"] is not None and value <= rules["above"]:
        raise InputError(f"{where}: {key} must be more than {rules['above']}, not {value!r}.")
    return value


def _check_key(key: str, where: str) -> None:
    if key not in KEYS:
        close = difflib.get_close_matches(str(key), KEYS, n=1, cutoff=0.0)
        raise InputError(f"{where}: there is no key {key!r}; the nearest is {close[0]!r}.")


def apply(config: Config, values: Mapping[str, Any], where: str) -> Config:
    """A copy of ``config`` with ``values`` (a dict) checked and set.

    Args:
        where: what the values came from (a file name, ``-o``), for the message.

    Raises:
        InputError: for an unknown key or a value of the wrong type.
    """
    checked = {}
    for key, value in values.items():
        _check_key(key, where)
        checked[key] = _convert(key, value, where)
    return config.replaced(**checked)


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
    return sorted(path.stem for path in CONFIG_FOLDER.glob("*.yml"))


def override(key: str, value: Any) -> str:
    """``key=value`` as ``-o`` reads it back, whatever text the value is."""
    text = str(value)
    try:
        plain = yaml.safe_load(text) == value
    except (yaml.YAMLError, ValueError, RecursionError):
        plain = False
    # JSON is YAML: quoted so, no name of a folder is taken for anything but text.
    return f"{key}={text if plain else json.dumps(value, ensure_ascii=False)}"


def _parse_overrides(overrides: Iterable[str]) -> dict[str, Any]:
    values = {}
    for item in overrides:
        key, equals, text = item.partition("=")
        if not equals:
            raise InputError(f"-o {item}: write it as key=value.")
        _check_key(key.strip(), "-o")
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
            ``<dataset>_paper`` and ``<dataset>_paper_finetune`` name the authors' two
            stages on any data set. ``<configuration>`` in a path of its checkpoints stands
            for this name.
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
        stem, _, stage = str(name).partition("_paper")
        bundled = CONFIG_FOLDER / f"{name}.yml"
        recipe = CONFIG_FOLDER / f"paper{stage}.yml"
        if bundled.exists():
            values, where = read_yaml(bundled), bundled.name
        elif stem != str(name) and stem and "/" not in str(name) and recipe.exists():
            values, where = {"dataset": stem, **read_yaml(recipe)}, recipe.name
        else:
            values, where = read_yaml(name), str(name)
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
