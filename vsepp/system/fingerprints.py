"""Telling content apart by its SHA-256, whatever file it came in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

import numpy as np


def fingerprint(state: Mapping[str, np.ndarray]) -> str:
    """SHA-256, in hex, of ``{name: array}``.

    It depends on names, shapes, types and values, not on the order of the names, the
    file format or the machine's byte order.
    """
    digest = hashlib.sha256()
    for key in sorted(state):
        array = np.asarray(state[key])
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        header = json.dumps([key, array.dtype.str, list(array.shape)], ensure_ascii=True)
        digest.update(header.encode("ascii") + b"\n")
        digest.update(np.ascontiguousarray(array).data.cast("B") if array.size else b"")
    return digest.hexdigest()


def list_fingerprint(items: list) -> str:
    """SHA-256, in hex, of a list that JSON can hold."""
    return hashlib.sha256(json.dumps(items, ensure_ascii=True).encode("ascii")).hexdigest()
