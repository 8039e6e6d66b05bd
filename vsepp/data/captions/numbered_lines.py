"""Lines that begin with a photograph's name and the number of the caption.

``name.jpg#0<TAB>caption`` is how Flickr8k and Flickr30k are handed out, ``name.jpg#zhc#0 caption``
Flickr8k-CN, and ``COCO_val2014_000000000042#0<TAB>caption`` COCO-CN.
"""

from __future__ import annotations

import re
from typing import Optional

from vsepp.data.captions.caption_file import CaptionFile
from vsepp.data.captions.fields import unquoted
from vsepp.data.captions.rows import Recognised, Row
from vsepp.data.image_suffixes import has_image_suffix
from vsepp.system.errors import InputError

_LINE = re.compile(r"([^\t]*?[^\t#\s])#(?:([A-Za-z][\w-]*)#)?(\d{1,9})(?:[ \t]+(.*)|\s*)")


def recognise(file: CaptionFile) -> Optional[Recognised]:
    """Such a file, or None when its lines begin otherwise."""
    matches = [_LINE.fullmatch(line) for _, line in file.sample]
    if not file.sample or not all(matches[:3]) or sum(map(bool, matches)) * 10 < 9 * len(matches):
        return None
    first = matches[0]
    if first[2]:
        name = f"a file like Flickr8k-CN's and Flickr30k-CN's (lines begin with name#{first[2]}#n)"
    elif has_image_suffix(first[1]):
        name = "a token file as of Flickr8k and Flickr30k (lines begin with name#n)"
    else:
        name = "a file like COCO-CN's (lines begin with name#n, the names without suffix)"
    return Recognised(name, lambda remarks: _rows(file))


def _rows(file):
    for number, line in file.lines():
        match = _LINE.fullmatch(line)
        if not match:
            raise InputError(
                f"{file.source}, line {number} does not begin with name#n as the others do: "
                "write `name.jpg#0`, a tab, and the caption on it."
            )
        yield Row(match[1], unquoted((match[4] or "").strip()), None, int(match[3]), number)
