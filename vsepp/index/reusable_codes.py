"""Codes that are there already, found by a photograph's path and time, or by its content."""

import hashlib

import numpy as np

from vsepp.index.manifest import Photograph


class ReusableCodes:
    """Codes that need not be computed again, and the photographs they are of.

    Args:
        sources: ``(photographs, codes)`` each. What two of them have is taken from the later.
    """

    def __init__(self, *sources):
        self._by_path, self._by_content, self._sizes = {}, {}, set()
        self._codes = []
        for photographs, codes in sources:
            self.add(photographs, codes)

    def add(self, photographs, codes):
        """Take in one more source; places in those before stay what they were."""
        source = len(self._codes)
        self._codes.append(codes)
        for row, photograph in enumerate(photographs):
            place = (source, row)
            self._by_path[photograph.path] = (photograph, place)
            self._by_content[photograph.sha256] = place
            self._sizes.add(photograph.size)

    def look_up(self, found, folder):
        """(:class:`Photograph`, place of its code), or None when it has to be encoded.

        Args:
            found: ``vsepp.index.finding.PhotographFile``.
            folder: what its path is relative to.
        """
        photograph, place = self._by_path.get(found.path, (None, None))
        if photograph is not None and photograph[:3] == tuple(found):
            return photograph, place
        if found.size not in self._sizes:
            return None
        try:  # moved, copied, or merely touched
            sha256 = file_sha256(folder / found.path)
        except OSError:
            return None
        place = self._by_content.get(sha256)
        return None if place is None else (Photograph(*found, sha256), place)

    def rows(self, places):
        """The codes at places, stacked."""
        return np.stack([self._codes[source][row] for source, row in places])


def file_sha256(path):
    """SHA-256 of a file's content, in hex."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
