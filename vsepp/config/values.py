"""Values as keys take them: checked, converted, and refused with the nearest valid key."""

from __future__ import annotations

import difflib
import json
import math
import sys
from collections.abc import Mapping
from typing import Any

import yaml

from vsepp.config.keys import AUTO, KEYS, Config
from vsepp.system.errors import InputError


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
    if rules["below"] is not None and value >= rules["below"]:
        raise InputError(f"{where}: {key} must be less than {rules['below']}, not {value!r}.")
    return value


def check_key(key: str, where: str) -> None:
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
        check_key(key, where)
        checked[key] = _convert(key, value, where)
    return config.replaced(**checked)


def override(key: str, value: Any) -> str:
    """``key=value`` as ``-o`` reads it back, whatever text the value is."""
    text = str(value)
    try:
        plain = yaml.safe_load(text) == value
    except (yaml.YAMLError, ValueError, RecursionError):
        plain = False
    # JSON is YAML: quoted so, no name of a folder is taken for anything but text.
    return f"{key}={text if plain else json.dumps(value, ensure_ascii=False)}"
