"""A stand-in for a trained model, without Paddle: a photograph's code is its colours."""

from dataclasses import replace

import numpy as np
from PIL import Image

from vsepp.config import Config
from vsepp.data.images import open_image
from vsepp.data.preprocessing import Preprocessing

SIZE = 4


class ColourModel:
    """Has what ``vsepp.index.updating`` asks of a ``RetrievalModel``.

    Attributes:
        encoded: how many photographs it has encoded.
        before_batch: called with that number before each batch.
    """

    def __init__(
        self,
        fingerprint="f" * 64,
        measure="cosine",
        before_batch=lambda encoded: None,
        precision="float32",
        preprocessing=Preprocessing(SIZE, SIZE),
        **config,
    ):
        self.config = replace(Config(), embed_size=3 * SIZE * SIZE, **config)
        self.precision, self.preprocessing = precision, preprocessing
        self.checkpoint, self.fingerprint, self.measure = "colours.ckpt", fingerprint, measure
        self.encoded, self.before_batch = 0, before_batch

    def pixels(self, image, exif=True):
        return np.asarray(open_image(image, exif).resize((SIZE, SIZE), Image.BOX))

    def encode_pixels(self, pixels):
        self.before_batch(self.encoded)
        self.encoded += len(pixels)
        codes = pixels.reshape(len(pixels), -1).astype(np.float32) + 1
        return codes / np.linalg.norm(codes, axis=1, keepdims=True)


def draw_photographs(folder, count, seed=0):
    """Draw ``count`` small pictures, no two alike, in ``folder`` and two folders below it."""
    generator = np.random.default_rng(seed)
    for number in range(count):
        place = folder / ("", "sea", "sea/deep")[number % 3]
        place.mkdir(parents=True, exist_ok=True)
        pixels = generator.integers(0, 256, (SIZE, SIZE, 3), np.uint8)
        Image.fromarray(pixels).save(place / f"{number:03d}.png")
