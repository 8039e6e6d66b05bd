"""Photographs, small and inside the page."""

import io

from PIL import Image, ImageOps

from vsepp.report.pictures import open_upright, whole_within
from vsepp.report.web_page import data_uri, escape, words

QUALITY = 80  # of the JPEGs


class Thumbnails:
    """Makes each thumbnail once.

    Args:
        dataset: ``CaptionDataset``, or whatever else has its ``image_path`` and ``image_name``;
            photographs may be missing.
    """

    def __init__(self, dataset):
        self.dataset = dataset
        self._addresses = {}

    def address(self, image_id, size, square=True):
        """A JPEG of a photograph as a data URI; None when there is none that can be read.

        Args:
            image_id: what ``image_path`` takes.
            size: the side in pixels, or the longer one.
            square: cut to a square, rather than shown whole.
        """
        key = (image_id, size, square)
        if key not in self._addresses:
            self._addresses[key] = self._encode(*key)
        return self._addresses[key]

    def _encode(self, image_id, size, square):
        picture = open_upright(self.dataset.image_path(image_id))
        if picture is None:
            return None
        if square:
            picture = ImageOps.fit(picture, (size, size), Image.Resampling.LANCZOS)
        else:
            picture = whole_within(picture, size, size)
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=QUALITY, optimize=True)
        return data_uri("image/jpeg", file.getvalue())

    def html(self, image_id, size, square=True):
        """The photograph as an element; a tile with its name where it cannot be shown."""
        address = self.address(image_id, size, square)
        if address is None:
            return f'<div class="missing">{words(self.name(image_id))}</div>'
        return f'<img src="{address}" alt="{escape(self.name(image_id))}" loading="lazy">'

    def name(self, image_id):
        """The photograph's file name, or which image it is."""
        return self.dataset.image_name(image_id).replace("\\", "/").rpartition("/")[2]
