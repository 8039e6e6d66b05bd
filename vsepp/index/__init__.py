"""Searching one's own photographs: exact and approximate search, and the index of a folder.

The backends have one interface: ``add(ids, codes)``, ``remove(ids)``, ``search(codes, k)`` and
``len``. Each is imported when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vsepp.index.exact import ExactIndex as ExactIndex
    from vsepp.index.faiss_index import FaissIndex as FaissIndex
    from vsepp.index.milvus_index import MilvusIndex as MilvusIndex

_HOMES = {
    "ExactIndex": "vsepp.index.exact",
    "FaissIndex": "vsepp.index.faiss_index",
    "MilvusIndex": "vsepp.index.milvus_index",
}

__all__ = ["ExactIndex", "FaissIndex", "MilvusIndex"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'vsepp.index' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
