"""Photographs as the page shows them: small or large, each made when it is first asked for."""

import contextlib
import os
import re

from vsepp.report.pictures import fit_photograph

SMALL, LARGE = (400, 300), (1600, 1200)  # pixels that a picture fits in
_QUALITY = 85


class ThumbnailFolder:
    """JPEG files of photographs. Several threads may ask at once.

    Args:
        folder: where they are put, which must be there; others may delete them.
        size: pixels that each fits in.
    """

    def __init__(self, folder, size=SMALL):
        self._folder = os.path.join(folder, "{}x{}".format(*size))
        self._size = size

    def path(self, photograph, place):
        """The thumbnail's file, which counts as new from now on.

        Args:
            photograph: path; where it cannot be read, the thumbnail is a tile with its name.
            place: a number that no other photograph has; the file's name tells it.
        """
        path = os.path.join(self._folder, f"{int(place)}.jpg")
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
            fit_photograph(photograph, *self._size).save(aside, "JPEG", quality=_QUALITY)
            os.replace(aside, path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(aside)


def place_of(name):
    """The number that the name of a thumbnail's file tells; None when it is no such name."""
    told = re.fullmatch(r"([0-9]{1,18})\.jpg", name)
    return int(told.group(1)) if told else None
