"""Where each word of a few captions looked, as pictures of a page."""

from __future__ import annotations

import io

import numpy as np

from vsepp.data.preprocessing import Preprocessing
from vsepp.report.attention_picture import attention_tiles
from vsepp.report.shown_captions import ShownCaptions
from vsepp.report.thumbnails import QUALITY
from vsepp.report.web_page import data_uri, escape, section, words
from vsepp.system.errors import InputError

LOOKS = 5  # captions
TILE = 190  # pixels
_TITLE = "Where the words looked"


def attention_section(shown: ShownCaptions, preprocessing: Preprocessing | None = None) -> str:
    """The attention of captions spread evenly from the best to the worst.

    Args:
        shown: the captions.
        preprocessing: how photographs were cut for the network; see ``plot_attention``.
    """
    if any(made.attention is None for made in shown.made):
        return section(_TITLE, '<p class="note">The attention was not kept.</p>')
    order = np.lexsort((np.arange(len(shown.made)), -shown.cider))
    count = min(LOOKS, len(order))
    chosen = order[(2 * np.arange(count) + 1) * len(order) // (2 * count)]
    return section(
        _TITLE,
        "\n".join(_card(shown, int(image_id), preprocessing) for image_id in chosen),
        f"{count} of the captions, spread evenly from the best CIDEr-D to the worst. A photograph "
        "is lit where the word's attention lies; what the network was not shown is dark.",
    )


def _card(shown, image_id, preprocessing):
    made, name = shown.made[image_id], shown.thumbnails.name(image_id)
    try:
        photo = shown.dataset.photograph(image_id)
    except (InputError, OSError):
        missing = shown.thumbnails.html(image_id, TILE)
        body = f'<div class="looks"><figure>{missing}</figure></div>'
    else:
        tiles = attention_tiles(photo, made.attention, preprocessing, TILE)
        alts = [name, *(f"where “{word}” looked" for word in made.words)]
        titles = ["<small>photograph</small>", *(words(word) for word in made.words)]
        body = "".join(
            f'<figure><figcaption>{title}</figcaption><img src="{_address(tile)}" '
            f'alt="{escape(alt)}" width="{tile.width}" height="{tile.height}" loading="lazy">'
            "</figure>"
            for tile, alt, title in zip(tiles, alts, titles)
        )
        body = f'<div class="looks">{body}</div>'
    return f'<article class="query">{shown.headline(image_id, name)}{body}</article>'


def _address(tile):
    file = io.BytesIO()
    tile.save(file, "JPEG", quality=QUALITY, optimize=True)
    return data_uri("image/jpeg", file.getvalue())
