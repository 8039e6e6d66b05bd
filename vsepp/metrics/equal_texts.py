"""Texts that are word for word equal, under a stride: how many, and what is right then."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from vsepp.metrics.correspondence import Correspondence, spans
from vsepp.system.errors import InputError


class EqualTexts:
    """Which texts of a stride are equal; those of one and the same image do not matter.

    Args:
        first: int ``[n_texts]``: the place of the first text that is equal to each, its own where
            no earlier one is.
        captions_per_image: the stride.

    Raises:
        InputError: (a ValueError) when ``first`` is no such list, or does not fit the stride.

    >>> equal = EqualTexts([0, 1, 0, 3], captions_per_image=2)
    >>> equal.captions, equal.sentences
    (2, 1)
    >>> equal.correspondence()
    Correspondence(2 images, 4 texts, 6 pairs)
    """

    def __init__(self, first: Any, captions_per_image: int) -> None:
        self.first = first = np.asarray(first)
        places = np.arange(len(first))
        if (
            first.ndim != 1
            or first.dtype.kind not in "iu"
            or (first < 0).any()
            or (first > places).any()
            or (first[first] != first).any()
        ):
            raise InputError("first must say of each text which is the first that is equal to it.")
        self.stride = Correspondence.from_stride(
            len(first) // captions_per_image if captions_per_image > 0 else 0, captions_per_image
        )
        if self.stride.n_texts != len(first):
            raise InputError(f"{len(first)} texts do not fit {captions_per_image} to an image.")

    @cached_property
    def shared(self) -> np.ndarray:
        """bool ``[n_texts]``: whether an image other than its own has the same text."""
        owner = self.stride.images
        several = np.zeros(len(owner), bool)
        several[self.first[owner != owner[self.first]]] = True
        return several[self.first]

    @property
    def captions(self) -> int:
        """How many texts are shared with another image."""
        return int(self.shared.sum())

    @property
    def sentences(self) -> int:
        """How many different texts these are."""
        return len(np.unique(self.first[self.shared]))

    def correspondence(self) -> Correspondence:
        """The relation in which a text is right for every image that has it."""
        n_images, n_texts = self.stride.n_images, self.stride.n_texts
        # The images of each sentence, side by side.
        sentence, image = np.divmod(
            np.unique(self.first.astype(np.int64) * n_images + self.stride.images), n_images
        )
        starts = np.searchsorted(sentence, np.arange(n_texts + 1))
        positions, sizes = spans(starts, self.first)
        return Correspondence(
            image[positions], np.repeat(np.arange(n_texts), sizes), n_images, n_texts
        )
