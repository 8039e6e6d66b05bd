"""Codes that are there already, found by a photograph's path and time, or by its content."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Tuple

import numpy as np

from vsepp.index.finding import PhotographFile
from vsepp.index.manifest import Photograph

Place = Tuple[int, int]  # which source, which row of it


class ReusableCodes:
    """Codes that need not be computed again, and the photographs they are of.

    Args:
        sources: ``(photographs, codes)`` each. What two of them have is taken from the later.
    """

    def __init__(self, *sources: tuple[Sequence[Photograph], np.ndarray]) -> None:
        self._by_path: dict[str, tuple[Photograph, Place]] = {}
        self._by_content: dict[str, Place] = {}
        self._sizes: set[int] = set()
        self._codes: list[np.ndarray] = []
        for photographs, codes in sources:
            self.add(photographs, codes)

    def add(self, photographs: Sequence[Photograph], codes: np.ndarray) -> None:
        """Take in one more source, its codes ``[n, size]``; places before stay what they were."""
        source = len(self._codes)
        self._codes.append(codes)
        for row, photograph in enumerate(photographs):
            place = (source, row)
            self._by_path[photograph.path] = (photograph, place)
            self._by_content[photograph.sha256] = place
            self._sizes.add(photograph.size)

    def look_up(self, found: PhotographFile, file: str | Path) -> tuple[Photograph, Place] | None:
        """(:class:`Photograph`, place of its code), or None when it has to be encoded.

        Args:
            found: ``vsepp.index.finding.PhotographFile``.
            file: where it is.
        """
        known = self._by_path.get(found.path)
        if known is not None and known[0][:3] == tuple(found):
            return known
        if found.size not in self._sizes:
            return None
        try:  # moved, copied, or merely touched
            sha256 = file_sha256(file)
        except OSError:
            return None
        place = self._by_content.get(sha256)
        return None if place is None else (Photograph(*found, sha256), place)

    def rows(self, places: Sequence[Place]) -> np.ndarray:
        """The codes at places, stacked: ``[len(places), size]``."""
        return np.stack([self._codes[source][row] for source, row in places])


def file_sha256(path: str | Path) -> str:
    """SHA-256 of a file's content, in hex."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
