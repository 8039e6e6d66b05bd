"""Searching one's own photographs: exact and approximate search, and the index of a folder.

Each kind of index is imported when it is first used: faiss and Milvus need not be installed.
"""

import importlib

_HOMES = {
    "ExactIndex": "vsepp.index.exact",
    "FaissIndex": "vsepp.index.faiss_index",
    "MilvusIndex": "vsepp.index.milvus_index",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'vsepp.index' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
