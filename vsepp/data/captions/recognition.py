"""Which format captions are in, by what the file holds; its suffix decides nothing."""

from __future__ import annotations

from typing import Optional

from vsepp.data.captions import (
    headerless_tables,
    json_documents,
    json_lines,
    numbered_lines,
    tables,
)
from vsepp.data.captions.caption_file import CaptionFile
from vsepp.data.captions.refusals import refuse_binary, refused_document, refused_text
from vsepp.data.captions.rows import Recognised
from vsepp.system.errors import InputError

# The stricter one asks first: a line of a token file could be a row of a table.
_OF_LINES = (
    json_lines.recognise,
    numbered_lines.recognise,
    tables.recognise,
    headerless_tables.recognise,
)


def recognise(file: CaptionFile) -> Optional[Recognised]:
    """The format of a ``CaptionFile``.

    Returns:
        Recognised: None for a Karpathy JSON, which is handed on as it is.

    Raises:
        InputError: saying what the file looks like instead, and what would be right.
    """
    refuse_binary(file)
    if not file.sample:  # nothing after the mark, or blanks of other alphabets
        raise InputError(f"{file.source} is empty: give a file with captions.")
    if file.begins_as_json and not file.is_json_lines:
        if json_documents.is_karpathy(file.document):
            return None
        known = json_documents.recognise(file)
        if known is None:
            raise refused_document(file)
        return known
    for recognise_lines in _OF_LINES:
        known = recognise_lines(file)
        if known is not None:
            return known
    raise refused_text(file)
