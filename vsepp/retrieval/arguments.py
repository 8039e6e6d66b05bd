"""What callers of a model give: one thing, or several."""

from __future__ import annotations

from typing import Any

from vsepp.system.errors import InputError


def listed(given: Any, single: tuple[type, ...], name: str) -> list:
    """What a caller gave, one of ``single`` or several, as a list."""
    if isinstance(given, single):
        return [given]
    try:
        return list(given)
    except TypeError:
        raise InputError(f"{name} must be given as a list, not {type(given).__name__}.") from None
