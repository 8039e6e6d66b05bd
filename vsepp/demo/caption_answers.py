"""Sentences that a captioner makes for a visitor's picture. Nothing in here knows of a page."""

import threading
from typing import NamedTuple

from PIL import Image

from vsepp.demo.answers import ENOUGH, Answer
from vsepp.demo.limits import check_count, open_upload
from vsepp.report.attention_picture import seen
from vsepp.report.pictures import whole_within

MAX_SENTENCES = 5  # and how many are followed side by side
SHOWN = (960, 960)  # pixels that a captioned picture fits in


class CaptionedPicture(NamedTuple):
    """A picture and what was said of it.

    Attributes:
        picture: PIL.Image.Image, upright, RGB, not larger than ``SHOWN``.
        sentences: list of ``vsepp.captioning.model.Sentence``, with attention, the best first.
        seen: left, top, right and bottom of what the captioner saw, as shares of the picture.
    """

    picture: Image.Image
    sentences: list
    seen: tuple


class CaptionAnswerer:
    """A captioner. Several threads may ask at once; it works for one at a time.

    Args:
        model: ``vsepp.captioning.model.CaptionModel``.
        photographs: for examples: has a length and ``path(place)``.
        working: the lock of whoever else has a model that must not work at the same time.
    """

    def __init__(self, model, photographs=(), working=None):
        self.model, self.photographs = model, photographs
        self._working = working or threading.Lock()
        self.described = f"a captioner trained on {model.config.dataset}"

    def warm_up(self):
        """Build the networks, so that the first visitor does not wait for them.

        Raises:
            InputError: when the checkpoint cannot look at pictures.
        """
        self._sentences(Image.new("RGB", (32, 32)), 1)

    def caption(self, path, count):
        """Sentences for the picture in a file.

        Returns:
            ``Answer`` whose ``found`` is a :class:`CaptionedPicture`.

        Raises:
            InputError: for what a visitor did wrong.
        """
        count = check_count(count, MAX_SENTENCES)
        steps = self.model.preprocessing
        picture = open_upload(path, at_least=max(ENOUGH * steps.resize, *SHOWN))
        sentences, square = self._sentences(picture, count), seen(picture.size, steps)
        if picture.width > SHOWN[0] or picture.height > SHOWN[1]:
            picture = whole_within(picture, *SHOWN)
        return Answer(CaptionedPicture(picture, sentences, square), "")

    def _sentences(self, picture, count):
        decoding = self.model.decoding(beam=MAX_SENTENCES, captions=count)
        with self._working:
            return next(iter(self.model.captions_of([picture], decoding, attention=True)))
