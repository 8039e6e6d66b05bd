"""What the tools ask of a captioner, and what it answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, List, Optional, Protocol, Union

import numpy as np
from PIL import Image

from vsepp.captioning.options import Decoding
from vsepp.config import Config
from vsepp.data.preprocessing import Preprocessing

Picture = Union[str, "Image.Image", np.ndarray]  # an array: as ``Captioner.pixels`` has made it


class Sentence(Protocol):
    """A sentence that was made for a photograph."""

    @property
    def sentence(self) -> str: ...

    @property
    def words(self) -> Sequence[str]: ...

    @property
    def log_probability(self) -> float: ...

    @property
    def attention(self) -> Optional[np.ndarray]:
        """Where each word looked, float32 ``[words, rows, columns]``; None when not asked for."""


class Captioner(Protocol):
    """A ``vsepp.captioning.model.CaptionModel``."""

    checkpoint: str
    fingerprint: str
    config: Config
    preprocessing: Preprocessing

    def pixels(self, image: Any, exif: bool = True) -> np.ndarray:
        """A photograph as the network sees it: uint8 ``[size, size, 3]``."""

    def captions_of(
        self,
        images: Sequence[Picture],
        decoding: Decoding,
        attention: bool = False,
        numbers: Optional[Sequence[int]] = None,
    ) -> Iterator[List[Sentence]]:
        """Sentences for photographs, best first. Those of one photograph depend on it, the options
        and its number (by which sampling draws) alone, not on what comes with it."""
