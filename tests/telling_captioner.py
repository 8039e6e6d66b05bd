"""A stand-in for a captioner, without Paddle: says which colour a picture has, and points."""

from types import SimpleNamespace

import numpy as np
from PIL import Image

from vsepp.captioning.options import Decoding
from vsepp.captioning.sentences import written
from vsepp.data.preprocessing import Preprocessing

COLOURS = ("red", "green", "blue")
ENGLISH = ("a", "{colour}", "child", "'s", "picture", ".")


class TellingCaptioner:
    """Has what ``CaptionAnswerer`` asks of a ``CaptionModel``. The word at place ``i`` looked at
    cell ``i`` alone.

    Args:
        words: of its sentences; ``{colour}`` becomes the picture's.
        cells: rows and columns of its grid.

    Attributes:
        pictures: what it was shown.
        decodings: how it was to choose.
    """

    checkpoint = "captioner.ckpt"

    def __init__(self, words=ENGLISH, cells=3):
        self.words, self.cells = words, cells
        self.config = SimpleNamespace(dataset="colours")
        self.preprocessing = Preprocessing(8, 8)
        self.pictures, self.decodings = [], []

    def decoding(self, **options):
        return Decoding(**options)

    def captions_of(self, images, decoding, attention=False):
        self.decodings.append(decoding)
        for image in images:
            self.pictures.append(image)
            mean = np.asarray(image.resize((1, 1), Image.BOX), int).reshape(3)
            yield [
                self._sentence(COLOURS[int(np.argmax(mean))], rank)
                for rank in range(decoding.captions)
            ]

    def _sentence(self, colour, rank):
        words = [word.replace("{colour}", colour) for word in self.words[rank:]]
        looked = np.zeros((len(words), self.cells**2), np.float32)
        looked[np.arange(len(words)), np.arange(len(words)) % self.cells**2] = 1
        return SimpleNamespace(
            sentence=written(words),
            words=tuple(words),
            log_probability=-2.5 - rank,
            attention=looked.reshape(-1, self.cells, self.cells),
        )
