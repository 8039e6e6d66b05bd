"""Searching one's own photographs: exact and approximate search, and the index of a folder.

The backends have one interface: ``add(ids, codes)``, ``remove(ids)``, ``search(codes, k)`` and
``len``. Each is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsepp.system.lazy import lazy_names

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


__getattr__, __dir__ = lazy_names(__name__, _HOMES)
