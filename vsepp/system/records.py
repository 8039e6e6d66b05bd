"""Whether what JSON holds has the fields that it must have."""

from __future__ import annotations

from typing import Any, Mapping, Optional


def wrong_field(record: Any, types: Mapping[str, type]) -> Optional[str]:
    """The name of the first field that is missing or of another type, or None.

    Types are compared exactly: to JSON, ``true`` is no number. What is no object at all has
    none of the fields.

    >>> wrong_field({"id": 7, "name": True}, {"id": int, "name": str})
    'name'
    >>> wrong_field([7], {"id": int})
    'id'
    """
    for name, kind in types.items():
        if not isinstance(record, dict) or name not in record or type(record[name]) is not kind:
            return name
    return None
