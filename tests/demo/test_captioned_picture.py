import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image
from telling_captioner import TellingCaptioner

from vsepp.captioning.options import Decoding
from vsepp.demo.caption_answers import CaptionedPicture
from vsepp.demo.captioned_picture import CSS, parted, percentage, show_captions

WHOLE = (0, 0, 1, 1)


def captioned(words, picture=None, seen=WHOLE, captions=1):
    picture = picture or Image.new("RGB", (90, 60), (200, 100, 0))
    model = TellingCaptioner(words)
    (sentences,) = model.captions_of([picture], Decoding(captions=captions))
    return CaptionedPicture(picture, sentences, seen)


class Reader(HTMLParser):
    """The sentences' texts, their words, and the images of a captioned picture."""

    def __init__(self, html):
        super().__init__()
        self.sentences, self.words, self.images = [], [], []
        self._inside = []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "img":
            data = base64.b64decode(attributes["src"].partition(",")[2])
            self.images.append(Image.open(io.BytesIO(data)))
            return
        kind = attributes.get("class")
        self._inside.append(kind)
        if kind == "sentence":
            self.sentences.append("")
        if kind == "word":
            assert attributes["tabindex"] == "0"  # for the keyboard, and for fingers
            self.words.append("")

    def handle_endtag(self, tag):
        self._inside.pop()

    def handle_data(self, data):
        if "sentence" in self._inside:
            self.sentences[-1] += data
        if "word" in self._inside:
            self.words[-1] += data


@pytest.mark.parametrize(
    "words, sentence",
    [
        (("a", "child", "'s", "dog", ",", "(", "red", ")", "."), "a child's dog, (red)."),
        (("一只", "棕色", "的", "狗"), "一只棕色的狗"),
        (("一只", "corgi", "狗"), "一只 corgi 狗"),
        (("``", "stop", "''", "sign"), "`` stop '' sign"),  # written as quotes: not found in it
        (("<b>", "{{value}}", "${value}", "&amp;"), "<b> {{value}} ${value} &amp;"),
    ],
)
def test_words_together_are_the_sentence(words, sentence):
    shown = Reader(show_captions(captioned(words)))
    assert shown.sentences == [sentence] and shown.words == list(words)
    assert len(shown.images) == 1 + len(words)


def test_pieces_of_a_sentence():
    assert parted("狗 corgi.", ["狗", "corgi", "."]) == [("", "狗"), (" ", "corgi"), ("", ".")]
    assert parted("", []) == []


def test_every_sentence_has_its_words_and_its_probability():
    html = show_captions(captioned(("a", "red", "dog"), captions=3))
    assert Reader(html).sentences == ["a red dog", "red dog", "dog"]
    assert re.findall(r'odds" title="log probability (.*?)">(.*?)<', html) == [
        ("-2.50", "8.2 %"),
        ("-3.50", "3.0 %"),
        ("-4.50", "1.1 %"),
    ]
    assert percentage(0.0) == "100 %" and percentage(-6.2146) == "0.20 %"


def opacity(veil):
    """float ``[height, width]``: how much of the picture a veil covers."""
    return np.asarray(veil.convert("RGBA"), float)[..., 3] / 255


def test_a_veil_lets_through_where_the_word_looked():
    photo, *veils = Reader(show_captions(captioned("abcdefghi"))).images
    assert photo.size == (90, 60) and {veil.size for veil in veils} == {(96, 64)}
    assert np.abs(np.asarray(photo, int) - (200, 100, 0)).max() < 6
    for place, veil in enumerate(veils):
        cells = opacity(veil)[:63].reshape(3, 21, 3, 32)[:, 7:14, :, 10:22].mean((1, 3))
        assert cells.argmin() == place and cells.min() < 0.3
        assert np.delete(cells.ravel(), place).min() > 0.6


def test_what_the_captioner_was_not_shown_is_dark_for_every_word():
    picture = Image.new("RGB", (200, 100))
    _, *veils = Reader(show_captions(captioned("abcdefghi", picture, (0.25, 0, 0.75, 1)))).images
    for veil in veils:
        edges = opacity(veil)[:, [0, 10, 85, 95]]
        assert veil.size == (96, 48) and edges.min() > 0.65


def test_a_long_picture_and_one_cell():
    shown = captioned(("a",), Image.new("RGB", (900, 90)))
    shown.sentences[0].attention = np.ones((1, 1, 1), np.float32)
    _, veil = Reader(show_captions(shown)).images
    assert veil.size == (96, 10) and np.ptp(opacity(veil)) < 0.05


def test_the_style_sheet_shows_veils_to_pointers_and_to_the_keyboard():
    assert ".captioned .word:hover img, .captioned .word:focus img { opacity: 1; }" in CSS
