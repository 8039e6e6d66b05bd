"""What decoding gives of a photograph: words as indices, and how likely they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Tuple

import numpy as np


@dataclass(frozen=True, eq=False)
class DecodedCaption:
    """A caption in a captioner's own words; ``sentences`` writes it out.

    Attributes:
        words: their indices, at least one, without ``<start>`` and ``<end>``.
        log_probability: natural logarithm of the captioner's probability of the words, and of
            ``<end>`` where it ended.
        score: what it was compared by with others: see ``Decoding.score``.
        ended: whether it came to its end; otherwise it was cut at the longest length.
        attention: where each word looked, float32 ``[words, cells]``; None when not asked for.
    """

    words: Tuple[int, ...]
    log_probability: float
    score: float
    ended: bool
    attention: Optional[np.ndarray] = None
