"""Where a captioner looked: the photograph once for each word, bright where the word saw it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from vsepp.data.images import open_image, opened_image
from vsepp.data.preprocessing import Preprocessing
from vsepp.data.transforms import kept_size, resized_size
from vsepp.report.lettering import shorten
from vsepp.report.page import GREY, INK, MARGIN, WIDTH, Page
from vsepp.report.pictures import whole_within
from vsepp.system.counts import counted
from vsepp.system.errors import InputError
from vsepp.text.tokens import has_ideographs, jieba, treebank

_COLUMNS = 5
_GAP = 18
_TITLE = 30  # pixels above a photograph, for its word
_TALLEST = 1.25  # of a photograph's width
SHADE = np.array([34, 38, 52], np.float32)  # what covers the grey cells that were not looked at
_COVERED = 0.58  # of such a cell is shade
GLOW = np.array([255, 176, 32], np.float32)  # for dark places to be seen as lit, too
_GLOWING = 0.3  # of it is added where the attention is strongest
_PEAK = 4  # times an even share: an attention that is spread more widely than this looks dimmer
_LIFT = 0.7  # exponent; below 1 for weak attention to be seen beside strong
_SOFT = 60  # of a tile's width is as wide as an edge of the light is soft


def plot_attention(
    image: str | os.PathLike[str] | Image.Image,
    words: str | Sequence[str],
    attention: Any,
    preprocessing: Preprocessing | None = None,
    exif: bool = True,
) -> Image.Image:
    """A picture of where each word of a caption looked.

    The photograph stands whole, once by itself and once for each word. It is lit where the word's
    attention lies, fully at its strongest place unless the attention is spread almost evenly. What
    the network was not shown, beside its square, is dark.

    Args:
        image: a photograph: its path, or a PIL image.
        words: the caption as ``caption()`` gives it, or its words; as many as ``attention`` has.
        attention: float array ``[words, rows, columns]``, not negative: of each word, how much it
            looked at each cell of the network's square.
        preprocessing: how the photograph was cut to that square: ``preprocessing`` of the model. By
            default the centre that most configurations see, 224 of 256 pixels of the short side.
        exif: turn the photograph as its EXIF orientation says; as the captioner was told.

    Returns:
        PIL.Image.Image: RGB, 1,100 pixels wide.

    Raises:
        InputError: when the photograph cannot be read, or the attention is no such array.
    """
    if not isinstance(words, Iterable):
        raise InputError(f"words must be a caption or a list, not {type(words).__name__}.")
    shares = _as_attention(attention)
    words = _words_of(words, len(shares))
    if isinstance(image, Image.Image):
        photo = opened_image(image, exif)
    elif not isinstance(image, (str, os.PathLike)):
        raise InputError(f"image must be a path or a PIL image, not {type(image).__name__}.")
    else:
        photo = open_image(image, exif)

    columns = min(_COLUMNS, len(words) + 1)
    space = (WIDTH - 2 * MARGIN + _GAP) // _COLUMNS - _GAP
    tiles = attention_tiles(photo, shares, preprocessing, space)
    tile = tiles[0]
    page = Page()
    page.paragraph(" ".join(words), 28, MARGIN, WIDTH - 2 * MARGIN, INK, after=18, max_lines=4)
    for number, (title, picture) in enumerate(zip(["", *words], tiles)):
        row, column = divmod(number, columns)
        x = MARGIN + column * (space + _GAP)
        y = page.y + row * (tile.height + _TITLE + _GAP)
        title, font = shorten(title or "photograph", 19 if number else 15, space)
        middle = x + space // 2
        page.write(title, font, middle, y + _TITLE // 2 - 2, INK if number else GREY, "mm")
        page.paste(picture, middle - tile.width // 2, y + _TITLE, radius=8)
    page.y += -(-len(tiles) // columns) * (tile.height + _TITLE + _GAP)
    return page.finish()


def attention_tiles(
    photo: Image.Image, attention: np.ndarray, preprocessing: Preprocessing | None, width: int
) -> list[Image.Image]:
    """The photograph, small and whole, by itself and then lit for each word.

    Args:
        photo: RGB, turned as the network saw it.
        attention, preprocessing: see :func:`plot_attention`.
        width: the most pixels across; a tall photograph becomes narrower.
    """
    square = seen(photo.size, preprocessing or Preprocessing())
    tile = whole_within(photo, width, round(_TALLEST * width))
    pixels = np.asarray(tile, np.float32)
    return [tile, *(_lit(pixels, share, square) for share in attention)]


def _words_of(caption: str | Sequence[str], count: int) -> list[str]:
    """The words of a caption, of which there must be ``count``.

    A sentence as people write it is cut as captions are that a captioner learns from.
    """
    if not isinstance(caption, str):
        words = [str(word) for word in caption]
    else:
        words = caption.split()
        if len(words) != count:
            cut = jieba if has_ideographs(caption) else treebank
            words = cut(caption)
    if len(words) != count:
        raise InputError(
            f"attention is of {counted(count, 'word')}, and {len(words)} are given: give the words "
            "that it came with, which captions_of() gives beside it."
        )
    return words


def _as_attention(attention: Any) -> np.ndarray:
    """The attention as float32 ``[words, rows, columns]``, checked."""
    try:
        shares = np.asarray(attention, np.float32)
    except (TypeError, ValueError):
        raise InputError(
            "attention must be numbers in an array [words, rows, columns], as caption() gives it "
            "with attention=True."
        ) from None
    if shares.ndim != 3 or not shares.size:
        raise InputError(
            f"attention must be of shape [words, rows, columns], not {list(shares.shape)}: give "
            "what caption() gives with attention=True."
        )
    if not np.isfinite(shares).all() or shares.min() < 0:
        raise InputError(
            "attention holds negative numbers, NaN or infinity: give shares from 0 to 1, as "
            "caption() gives them with attention=True."
        )
    return shares


def seen(size: tuple[int, int], steps: Preprocessing) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of what the network sees, as shares of the photograph."""
    width, height = resized_size(*size, steps.resize, steps.square)
    kept_width, kept_height = kept_size(*size, steps.square)
    across = steps.image_size / width / 2 * (kept_width / size[0])
    down = steps.image_size / height / 2 * (kept_height / size[1])
    return 0.5 - across, 0.5 - down, 0.5 + across, 0.5 + down


def light(
    share: np.ndarray, size: tuple[int, int], square: tuple[float, float, float, float]
) -> np.ndarray:
    """How brightly a word's attention lights each pixel of a photograph.

    Args:
        share: ``[rows, columns]``.
        size: width and height of the photograph.
        square: see :func:`seen`.

    Returns:
        float32 ``[height, width]`` from 0 to 1.
    """
    width, height = size
    brightest = max(share.max(), _PEAK * share.mean(), np.finfo(np.float32).tiny)
    cells = Image.fromarray((share / brightest) ** _LIFT)
    left, top, right, bottom = square
    box = [round(left * width), round(top * height), round(right * width), round(bottom * height)]
    covered = (max(1, box[2] - box[0]), max(1, box[3] - box[1]))
    whole = Image.new("F", (width, height))
    whole.paste(cells.resize(covered, Image.Resampling.BICUBIC), (box[0], box[1]))
    levels = Image.fromarray((255 * np.clip(np.asarray(whole), 0, 1)).round().astype(np.uint8))
    soft = levels.filter(ImageFilter.GaussianBlur(width / _SOFT))
    return np.asarray(soft, np.float32) / 255


def _lit(
    pixels: np.ndarray, share: np.ndarray, square: tuple[float, float, float, float]
) -> Image.Image:
    """The photograph, grey under a shade, with warm light where the attention lies.

    Args:
        pixels: float32 ``[height, width, 3]``.
        share: ``[rows, columns]``.
        square: see :func:`seen`.
    """
    height, width, _ = pixels.shape
    lit = light(share, (width, height), square)[..., None]
    dark = pixels.mean(-1, keepdims=True) * (1 - _COVERED) + SHADE * _COVERED
    bright = np.minimum(pixels + _GLOWING * GLOW * lit, 255)
    return Image.fromarray((dark + (bright - dark) * lit).round().astype(np.uint8))
