"""Photographs as the page shows them: small, each made when it is first found."""

import contextlib
import hashlib
import os

from vsepp.report.pictures import fit_photograph

SIZE = (400, 300)  # pixels that a thumbnail fits in
_QUALITY = 85


class ThumbnailFolder:
    """JPEG files of photographs. Several threads may ask at once.

    Args:
        folder: where they are put, which must be there; others may delete them.
    """

    def __init__(self, folder):
        self._folder = os.path.join(folder, "thumbnails")

    def path(self, photograph):
        """The thumbnail's file, which counts as new from now on.

        Args:
            photograph: path; where it cannot be read, the thumbnail is a tile with its name.
        """
        name = hashlib.sha256(os.fsencode(photograph)).hexdigest()[:32]
        path = os.path.join(self._folder, f"{name}.jpg")
        try:
            os.utime(path)
        except FileNotFoundError:
            self._make(photograph, path)
        return path

    def _make(self, photograph, path):
        aside = f"{path}.{os.urandom(8).hex()}"
        with contextlib.suppress(FileExistsError):
            os.mkdir(self._folder)  # not makedirs: the folder above is removed when the page ends
        try:
            fit_photograph(photograph, *SIZE).save(aside, "JPEG", quality=_QUALITY)
            os.replace(aside, path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(aside)
