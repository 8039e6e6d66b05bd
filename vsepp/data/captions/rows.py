"""What the reader of a format hands on: rows of captions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, Optional

from vsepp.data.captions.remarks import Remarks


class Row(NamedTuple):
    """One caption of one photograph.

    Attributes:
        filename: as written; it may lack its suffix.
        caption: as written, perhaps empty.
        split: as written, or None where the file has no splits.
        number: place among the image's captions, or None where the rows' order tells it.
        place: number of its line or entry in the file, from 1.
    """

    filename: str
    caption: str
    split: Optional[str] = None
    number: Optional[int] = None
    place: int = 0


class Recognised(NamedTuple):
    """A file whose format is known.

    Attributes:
        name: what the format is called, with why it is taken for it.
        read: from ``Remarks`` to the file's rows, one by one.
        unit: what ``Row.place`` counts.
    """

    name: str
    read: Callable[[Remarks], Iterator[Row]]
    unit: str = "line"
