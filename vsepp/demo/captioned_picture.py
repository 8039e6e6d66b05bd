"""A captioned picture as HTML: over the picture lies where the word under the pointer looked.

Every word brings its veil with it, which the style sheet lays over the picture while the word is
pointed at, tapped or focused: the page needs no script for it, and no question to the server.
"""

import io

import numpy as np
from PIL import Image

from vsepp.report.attention_picture import GLOW, SHADE, light
from vsepp.report.pictures import whole_within
from vsepp.report.web_page import data_uri, escape

_QUALITY = 85
_SIDE = 96  # of a veil's longer side, in pixels; the browser draws it smoothly as large as needed
_LEVELS = 64  # of light
_COVERING, _GLOWING = 0.7, 0.22  # how much of the picture a veil covers in the dark, in the light

CSS = """
.captions .html-container { padding: 0; }
.captioned { --width: min(100%, calc(55vh * var(--ratio))); position: relative; }
.captioned img { margin: 0; border: 0; border-radius: 8px; max-width: none; box-shadow: none; }
.captioned img.photo { display: block; width: var(--width); height: auto; }
.captioned p.hint { margin: 8px 2px; font-size: 0.875rem; opacity: 0.75; }
.captioned ol { margin: 0; padding: 0; list-style: none; }
.captioned li { display: flex; flex-wrap: wrap; gap: 0 12px; align-items: baseline; margin: 0;
  padding: 6px 2px; border-top: 1px solid var(--border-color-primary); }
.captioned p.sentence { flex: 1 1 12rem; margin: 0; font-size: 1.0625rem; line-height: 1.8;
  overflow-wrap: anywhere; }
.captioned li:first-child .sentence { font-size: 1.25rem; }
.captioned p.odds { flex: none; margin: 0; font-size: 0.875rem; opacity: 0.75;
  font-variant-numeric: tabular-nums; }
.captioned .word { padding: 4px 0; border-radius: 4px; cursor: pointer; outline: none;
  -webkit-tap-highlight-color: transparent; transition: background 0.15s; }
.captioned .word:hover, .captioned .word:focus { background: #ffb020; color: #1c1e24;
  box-shadow: 0 0 0 2px #ffb020; }
.captioned .word:focus-visible { outline: 2px solid; outline-offset: 2px; }
.captioned .word img { position: absolute; left: 0; top: 0; width: var(--width); height: auto;
  aspect-ratio: var(--ratio); opacity: 0; pointer-events: none; transition: opacity 0.15s; }
.captioned .word:hover img, .captioned .word:focus img { opacity: 1; }
/* the word that is pointed at, not also the one that was focused before */
.captioned:has(.word:hover) .word:focus:not(:hover) img { opacity: 0; }
.captioned:has(.word:hover) .word:focus:not(:hover) { background: none; color: inherit;
  box-shadow: none; }
@media (max-width: 640px) { .captioned { --width: min(100%, calc(40vh * var(--ratio))); } }
@media (min-width: 1000px) {
  .captioned { --width: min(58%, calc(75vh * var(--ratio))); display: flex; gap: 20px;
    align-items: flex-start; }
  .captioned img.photo { flex: none; }
  .captioned .said { flex: 1; min-width: 0; }
  .captioned p.hint { margin-top: 0; }
}
"""


def show_captions(captioned):
    """HTML of a ``vsepp.demo.caption_answers.CaptionedPicture``."""
    picture = captioned.picture
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=_QUALITY)
    small = whole_within(picture, _SIDE, _SIDE).size
    sentences = "".join(
        f'<li><p class="sentence" dir="auto">{_spans(sentence, small, captioned.seen)}</p>'
        f'<p class="odds" title="log probability {sentence.log_probability:.2f}">'
        f"{percentage(sentence.log_probability)}</p></li>"
        for sentence in captioned.sentences
    )
    return (
        f'<div class="captioned" style="--ratio: {picture.width / picture.height:.4f}">'
        f'<img class="photo" src="{data_uri("image/jpeg", file.getvalue())}" alt="">'
        '<div class="said"><p class="hint">'
        "Point at a word, or tap it, to see where the model looked · "
        "把光标移到词上或点按，看模型在看哪里</p>"
        f"<ol>{sentences}</ol></div></div>"
    )


def parted(sentence, words):
    """A sentence in pieces: ``(what stands before the word, word)`` each, which together are the
    sentence; where it is written so differently that its words are not found in it, the words with
    blanks between them.

    >>> parted("a child's dog.", ["a", "child", "'s", "dog", "."])
    [('', 'a'), (' ', 'child'), ('', "'s"), (' ', 'dog'), ('', '.')]
    """
    pieces, end = [], 0
    for word in words:
        start = end + 1 if sentence[end : end + 1] == " " else end
        if not sentence.startswith(word, start):
            return [(" " if place else "", word) for place, word in enumerate(words)]
        pieces.append((sentence[end:start], word))
        end = start + len(word)
    return pieces


def percentage(log_probability):
    """A probability, of which even the best sentence's is small, with two digits that count.

    >>> percentage(-1.0), percentage(-3.0), percentage(-13.2), percentage(-900.0)
    ('37 %', '5.0 %', '0.00019 %', '< 0.0000001 %')
    """
    percent = 100 * np.exp(log_probability)
    if percent < 1e-7:
        return "< 0.0000001 %"
    digits = np.format_float_positional(percent, 2, unique=False, fractional=False, trim="k")
    return f"{digits.rstrip('.')} %"


def _spans(sentence, size, square):
    return "".join(
        f'{before}<span class="word" tabindex="0">{escape(word)}'
        f'<img src="{_veil(share, size, square)}" alt=""></span>'
        for (before, word), share in zip(
            parted(sentence.sentence, sentence.words), sentence.attention
        )
    )


def _veil(share, size, square):
    """What is laid over a picture for a word: dark where it did not look, a glow where it did.

    Args:
        share: of the word's attention, float32 ``[rows, columns]``.
        size: width and height in pixels.
        square: as ``vsepp.report.attention_picture.seen`` gives it.
    """
    levels = np.rint(light(share, size, square) * (_LEVELS - 1)).astype(np.uint8)
    veil = Image.frombytes("P", size, levels.tobytes())
    veil.putpalette(_COLOURS.tobytes())
    file = io.BytesIO()
    veil.save(file, "PNG", optimize=True, transparency=_OPACITIES.tobytes())
    return data_uri("image/png", file.getvalue())


def _palette():
    """Colours uint8 ``[levels, 3]`` and opacities uint8 ``[levels]`` from no light to all."""
    lit = np.linspace(0, 1, _LEVELS)[:, None]
    dark, bright = _COVERING * (1 - lit), _GLOWING * lit
    colours = (dark * SHADE + bright * GLOW) / (dark + bright)
    return np.rint(colours).astype(np.uint8), np.rint(255 * (dark + bright)).astype(np.uint8)


_COLOURS, _OPACITIES = _palette()
