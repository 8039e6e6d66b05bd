"""A captioner without a network, that says which colour a photograph has."""

import zlib
from types import SimpleNamespace

import numpy as np
from PIL import Image, ImageOps

from vsepp import Config
from vsepp.data.images import open_image
from vsepp.data.preprocessing import Preprocessing

COLOURS = ("red", "green", "blue")


class ColourCaptioner:
    """What the tools ask of a ``CaptionModel``.

    Args:
        config: its configuration.
        stop_after: photographs after which it is interrupted, or None.

    Attributes:
        seen: photographs that it captioned.
    """

    checkpoint = "captioner.ckpt"
    preprocessing = Preprocessing(resize=36, image_size=32)

    def __init__(self, config=None, fingerprint="f" * 64, stop_after=None):
        self.config = config or Config()
        self.fingerprint = fingerprint
        self.stop_after = stop_after
        self.seen = 0

    def pixels(self, image, exif=True):
        return self.preprocessing.center_crop()(open_image(image, exif))

    def captions_of(self, images, decoding, attention=False, numbers=None):
        for place, pixels in enumerate(images):
            if self.seen == self.stop_after:
                raise KeyboardInterrupt
            self.seen += 1
            order = np.argsort(-pixels.reshape(-1, 3).mean(0), kind="stable")
            number = 0 if numbers is None else numbers[place]
            drawn = zlib.crc32(f"{decoding.seed} {number}".encode()) % 1000
            yield [
                self._made(
                    f"a {COLOURS[order[rank % 3]]} picture", rank, decoding, drawn, attention
                )
                for rank in range(decoding.captions)
            ]

    @staticmethod
    def _made(sentence, rank, decoding, drawn, attention):
        words = sentence.split()
        if decoding.sample:
            words.append(str(drawn))
        looked = np.full((len(words), 2, 2), 0.25, np.float32) if attention else None
        return SimpleNamespace(
            sentence=" ".join(words),
            words=words,
            log_probability=-1.23456 - rank - decoding.beam / 100,
            attention=looked,
        )


class WarmRetrieval:
    """A retrieval model that finds one colour's sentences nearest, and knows three words."""

    checkpoint = "retrieval.ckpt"

    def __init__(self, colour="blue", fingerprint="e" * 64, test_flip=False):
        self.colour, self.fingerprint = colour, fingerprint
        self.config = Config(test_flip=test_flip)

    def check_backbone(self):
        pass

    def encode_image(self, images, exif=True):
        for image in images:
            ImageOps.exif_transpose(Image.open(image)).load()
        return np.ones((len(images), 2), np.float32)

    def encode_text(self, sentences):
        from vsepp import InputError

        rows = []
        for sentence in sentences:
            if not set(sentence.split()) & set(COLOURS):
                raise InputError(f"no word of {sentence!r} is known.")
            rows.append([1.0 if self.colour in sentence else 0.25, 0])
        return np.array(rows, np.float32)

    def similarity(self, images, texts):
        return images @ texts.T
