"""What is imported when it is first used: by its place, or by its name in a package."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from typing import Any, Callable


def at_place(place: str) -> Any:
    """What stands at ``module:name``, its module imported now if it was not before."""
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)


def lazy_names(
    package: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of a package that hands out names of its modules.

    Args:
        package: its name.
        homes: ``{name: module that has it}``; the name of a module of the package itself stands
            for that module.
    """

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = importlib.import_module(homes[name])
        value = module if homes[name] == f"{package}.{name}" else getattr(module, name)
        setattr(sys.modules[package], name, value)
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *homes})

    return get, names
