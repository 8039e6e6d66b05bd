"""Sentences as grids of one width, which is how users of CLIP know them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from vsepp.system.errors import InputError
from vsepp.text.subwords import SubwordReader


class ContextReader(SubwordReader):
    """Sentences as indices of a CLIP's tokens.

    Args:
        definition, start, end, longest, unknown, mask, source: see :class:`SubwordReader`.
        padding: the index that fills a sentence up to ``longest``.

    Raises:
        InputError: as :class:`SubwordReader`.
    """

    def __init__(
        self,
        definition: str,
        start: str,
        end: str,
        longest: int,
        unknown: Optional[str] = None,
        mask: Optional[str] = None,
        source: str = "the tokenizer",
        padding: int = 0,
    ) -> None:
        super().__init__(definition, start, end, longest, unknown, mask, source)
        self.pad_with(padding, source)

    def pad_with(self, padding: Any, source: str) -> None:
        """Fill up with another index; InputError where there is no such token."""
        if type(padding) is not int or not 0 <= padding < self.size:
            raise InputError(
                f"{source} has a malformed tokenizer: its padding {padding!r} is no token."
            )
        self.padding = self._contents["padding"] = padding

    @classmethod
    def from_contents(cls, contents: Mapping[str, Any], source: str) -> ContextReader:
        reader = super().from_contents(contents, source)
        assert isinstance(reader, ContextReader)  # it made one of its class  # nosec B101
        reader.pad_with(contents["subwords"].get("padding"), source)
        return reader

    @property
    def context_length(self) -> int:
        """Tokens of every row of the grid that ``tokenize`` gives."""
        return self.longest
