"""Answers to a visitor's queries. Nothing in here knows of a page."""

import contextlib
import threading
from typing import NamedTuple

from PIL import Image

from vsepp.demo.limits import check_count, check_place, check_sentence, open_upload, read_labels
from vsepp.retrieval.prompts import CHINESE_TEMPLATE, ONLY_ORDERED, TEMPLATE, have_meaning
from vsepp.system.errors import InputError

ENOUGH = 2  # times the network's resize: more of an upload's pixels are not decoded


class Answer(NamedTuple):
    """What a query found.

    Attributes:
        found: list of ``FoundPhotograph``, of (sentence, similarity), or of (label, probability);
            or a ``CaptionedPicture``.
        remark: a line on what was asked or understood.
    """

    found: list
    remark: str


class QueryAnswerer:
    """A model and what it searches. Several threads may ask at once; the model works for one at
    a time, since Paddle's predictors are made for one.

    Args:
        model: ``vsepp.RetrievalModel``.
        photographs: ``IndexedPhotographs`` or ``SplitPhotographs``.
        sentences: ``SplitSentences``, or None when there are none.
        working: the lock of whoever else has a model that must not work at the same time.

    Every method raises ``InputError`` for what a visitor did wrong.
    """

    def __init__(self, model, photographs, sentences=None, working=None):
        self.model, self.photographs, self.sentences = model, photographs, sentences
        self._working = working or threading.Lock()

    def warm_up(self):
        """Build the networks, so that the first visitor does not wait for them."""
        with self._working:
            self.model.encode_indices(self.model.reader.read_anew([""])[0])
            # A checkpoint without a backbone refuses; visitors are told when they give a picture.
            with contextlib.suppress(InputError):
                self.model.encode_image(Image.new("RGB", (32, 32)))

    def search_by_sentence(self, text, count):
        """Photographs for a sentence."""
        text, count = check_sentence(text), check_count(count)
        with self._working:
            code = self.model.encode_text(text)[0]
        remark = self.model.explain_unknown(text)
        return Answer(self.photographs.find(code, count), remark)

    def search_by_image(self, path, count):
        """Photographs like the picture in a file."""
        count = check_count(count)
        return Answer(self.photographs.find(self._code(path), count), "")

    def more_like(self, place, count):
        """Photographs like the one at a place, without that one: its own code is the query."""
        place, count = check_place(place, len(self.photographs)), check_count(count)
        found = self.photographs.find(self.photographs.code(place), count + 1)
        others = [photograph for photograph in found if photograph.place != place]
        return Answer(others[:count], f"like {self.photographs.name(place)} · 与之相似")

    def sentences_for(self, path, count):
        """Sentences for the picture in a file."""
        count = check_count(count)
        return Answer(self.sentences.find(self._code(path), count), "")

    def label(self, path, text):
        """Probabilities of labels, typed in one text, for the picture in a file."""
        labels = read_labels(text)
        strange = [label for label in labels if not self.knows_some(label)]
        if strange:
            has_words = getattr(self.model.reader, "vocabulary", None) is not None
            raise InputError(
                f"Nothing is known of {', '.join(strange)}{self._nearest(strange)}: use words of "
                f"{'the training captions' if has_words else 'the language that the model reads'}."
            )
        remarks = [self.model.explain_unknown(" ".join(labels))]
        if not have_meaning(self.model.config.loss):
            remarks.append(ONLY_ORDERED)
        picture = self._open(path)
        with self._working:
            odds = self.model.classify(picture, labels, self._template)
        return Answer(list(odds.items()), "; ".join(filter(None, remarks)))

    def knows_some(self, text):
        """Whether the model knows at least one word of a text."""
        return self.model.reader.knows_some(text)

    def knows_all(self, text):
        """Whether the model knows every word of a text."""
        return self.model.reader.knows_all(text)

    @property
    def prefers_chinese(self):
        """Whether Chinese is what the model reads best, though it may spell English words."""
        return self.model.config.text_model == "chinese_clip"

    @property
    def _template(self):
        """The sentence that stands for a label; the bare label where its words are foreign."""
        template = CHINESE_TEMPLATE if self.prefers_chinese else TEMPLATE
        return template if self.knows_all(template.format("")) else "{}"

    def _nearest(self, labels):
        words = [word for label in labels for word in self.model.unknown_words(label)]
        nearest = list(
            dict.fromkeys(other for word in words[:5] for other in self.model.nearest_words(word))
        )
        return f" (the nearest: {', '.join(nearest)})" if nearest else ""

    def _open(self, path):
        return open_upload(path, at_least=ENOUGH * self.model.preprocessing.resize)

    def _code(self, path):
        picture = self._open(path)
        with self._working:
            return self.model.encode_image(picture)[0]
