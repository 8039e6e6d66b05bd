"""Objects of JSON that name a photograph and have its captions."""

from __future__ import annotations

from collections.abc import Iterator

from vsepp.data.captions.columns import caption_columns, find_columns
from vsepp.data.captions.remarks import Remarks
from vsepp.data.captions.rows import Row
from vsepp.system.errors import InputError

_NO_IMAGES = "{} text(s) left out, for they name no photograph"


def rows_of(entry: dict, where: str, place: int, remarks: Remarks) -> Iterator[Row]:
    """Yield the rows of one object.

    A photograph is named by text or by a number, several by a list of these; captions are a text,
    or a list of texts or of objects with a caption.

    Args:
        entry: the object.
        where: names it in messages.
        place: see ``Row``.
        remarks: counts objects that name no photograph.

    Raises:
        InputError: naming the place, when a key is missing or holds something else.
    """
    keys, columns = list(entry), find_columns(entry)
    values = {role: entry[keys[position]] for role, position in columns.items()}
    for role in ("filename", "caption"):
        if role not in values:
            raise InputError(f"{where} has no {role}: add it.")
    names = _names(values["filename"], f"{where}: {keys[columns['filename']]}")
    captions = [
        caption
        for place in caption_columns(keys)
        for caption in _captions(entry[keys[place]], f"{where}: {keys[place]}")
    ]
    split = values.get("split")
    if split is not None and not isinstance(split, str):
        raise InputError(f"{where}: {keys[columns['split']]} must be text, not {split!r:.80}.")
    if not names:
        remarks.count(_NO_IMAGES, where.rpartition(", ")[2])
    for name in names:
        for caption in captions:
            yield Row(name, caption, split, None, place)


def _names(value, where):
    values = value if isinstance(value, list) else [value]
    for one in values:
        if not isinstance(one, (str, int)) or isinstance(one, bool):
            raise InputError(f"{where} must be text, not {one!r:.80}.")
    try:
        return [str(one) for one in values]
    except ValueError:  # Python writes no number of 5,000 digits
        raise InputError(f"{where} is a number of too many digits: name the image.") from None


def _captions(value, where):
    if isinstance(value, str):
        return [value]
    if _is_nothing(value):
        return [""]
    if not isinstance(value, list):
        raise InputError(f"{where} must be text, not {value!r:.80}.")
    texts = []
    for one in value:
        if isinstance(one, dict):
            position = find_columns(one).get("caption")
            one = None if position is None else one[list(one)[position]]
        if _is_nothing(one):
            one = ""
        if not isinstance(one, str):
            raise InputError(f"{where} must be text or a list of texts, not {one!r:.80}.")
        texts.append(one)
    return texts


def _is_nothing(value):
    """Whether a value stands where there is none: null, or the NaN that pandas writes."""
    return value is None or value != value
