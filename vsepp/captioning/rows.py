"""What is kept of a photograph that has its sentences."""

from __future__ import annotations

import json
import math
from typing import Any, NamedTuple, Optional, Tuple

from vsepp.system.records import wrong_field

DIGITS = 4  # of what is written; the fifth depends on the machine


class KeptSentence(NamedTuple):
    """A sentence of a photograph.

    Attributes:
        sentence: the text.
        log_probability: the captioner's, of all its words.
        similarity: of the photograph and the sentence, by the retrieval model that chose it, or
            None where none did.
    """

    sentence: str
    log_probability: float
    similarity: Optional[float] = None


class Row(NamedTuple):
    """A photograph and its sentences.

    Attributes:
        file: its name below the folder.
        size: in bytes.
        mtime_ns: when it was changed last.
        answers: its sentences, best first.
    """

    file: str
    size: int
    mtime_ns: int
    answers: Tuple[KeptSentence, ...]

    def line(self) -> bytes:
        """The row as a line of JSON, which :func:`row_of` reads."""
        return json.dumps(self).encode("ascii") + b"\n"


_TYPES = {"file": str, "size": int, "mtime_ns": int, "answers": list}


def row_of(value: Any) -> Optional[Row]:
    """The row of a line of JSON, or None when it is none."""
    if not isinstance(value, list) or len(value) != len(_TYPES):
        return None
    if wrong_field(dict(zip(_TYPES, value)), _TYPES):
        return None
    file, size, mtime_ns, listed = value
    answers = tuple(map(_answer_of, listed))
    if not answers or None in answers:
        return None
    return Row(file, size, mtime_ns, tuple(answer for answer in answers if answer))


def _answer_of(value: Any) -> Optional[KeptSentence]:
    if not isinstance(value, list) or len(value) != len(KeptSentence._fields):
        return None
    sentence, log_probability, similarity = value
    if not isinstance(sentence, str) or not isinstance(log_probability, float):
        return None
    if not isinstance(similarity, (float, type(None))):
        return None
    if not math.isfinite(log_probability) or not math.isfinite(similarity or 0):
        return None
    return KeptSentence(sentence, log_probability, similarity)
