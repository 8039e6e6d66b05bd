"""Which texts are right for which images: what retrieval is scored against."""

from __future__ import annotations

import operator
from functools import cached_property
from typing import Any, Iterable, NamedTuple, Optional, Union

import numpy as np

from vsepp.system.errors import InputError


class Partners(NamedTuple):
    """The right answers of every query of one direction, side by side.

    Attributes:
        starts: int64 ``[n_queries + 1]``: those of query ``q`` are
            ``rows[starts[q] : starts[q + 1]]``, at least one.
        rows: int64 ``[n_pairs]``, ascending within a query.
    """

    starts: np.ndarray
    rows: np.ndarray


class Correspondence:
    """A relation between images and texts, many to many; a fixed stride is one case of it.

    A text may be right for several images, an image may have any number of texts. Each has at
    least one partner: the rank of a query without a right answer is not defined, and what could
    stand for it (the last place, leaving the query out) moves every mean, so the caller decides
    and hands in codes without such queries.

    Args:
        images, texts: int ``[n_pairs]``: image ``images[k]`` and text ``texts[k]`` belong
            together. The order does not matter, and a pair given twice counts once.
        n_images, n_texts: how many there are; by default the highest position says so.

    Raises:
        InputError: (a ValueError) when a position is no whole number or out of range, or when an
            image or a text has no partner.

    >>> three_captions_of_two_images = Correspondence([0, 0, 1, 1], [0, 1, 1, 2])
    >>> three_captions_of_two_images.of_texts.starts
    array([0, 1, 3, 4])
    """

    def __init__(
        self,
        images: Iterable[int],
        texts: Iterable[int],
        n_images: Optional[int] = None,
        n_texts: Optional[int] = None,
    ):
        sides, counts = [], []
        for name, rows, count in (("image", images, n_images), ("text", texts, n_texts)):
            rows = _array(f"{name}s", rows)
            if rows.ndim != 1 or not len(rows) or rows.dtype.kind not in "iu":
                raise InputError(
                    f"the {name}s of a correspondence must be whole numbers, one of each pair, not "
                    f"{rows.dtype} of shape {rows.shape}."
                )
            lowest, highest = int(rows.min()), int(rows.max())
            count = highest + 1 if count is None else whole_number(f"n_{name}s", count)
            if lowest < 0 or highest >= count:
                wrong = next(row for row in rows.tolist() if not 0 <= row < count)
                raise InputError(
                    f"there is no {name} {wrong}: the correspondence is of {count:,} {name}s, "
                    "counted from 0."
                )
            sides.append(rows)
            counts.append(count)
        if len(sides[0]) != len(sides[1]):
            raise InputError(
                f"a correspondence is made of pairs: give as many images as texts, not "
                f"{len(sides[0])} and {len(sides[1])}."
            )
        for name, other, rows, count in zip(("image", "text"), ("text", "image"), sides, counts):
            there = np.unique(rows)  # as large as what was given, whatever count says
            alone = count - len(there)
            if alone:
                gaps = np.flatnonzero(there != np.arange(len(there), dtype=there.dtype))
                first = gaps[0] if len(gaps) else len(there)
                more = f", nor have {alone - 1:,} others" if alone > 1 else ""
                raise InputError(
                    f"{name} {first} has no {other}{more}: a query without a right answer has "
                    "no rank; leave it out."
                )
        self.n_images, self.n_texts = counts
        sides = [rows.astype(np.int64) for rows in sides]
        # By image, then text, each pair once.
        self.images, self.texts = np.divmod(
            np.unique(sides[0] * self.n_texts + sides[1]), self.n_texts
        )

    @classmethod
    def from_pairs(
        cls,
        pairs: Iterable[tuple[int, int]],
        n_images: Optional[int] = None,
        n_texts: Optional[int] = None,
    ) -> Correspondence:
        """Of ``(image, text)`` pairs, or an int array ``[n_pairs, 2]``; for the rest see the
        class.

        Raises:
            InputError: for an array of another shape, and as the class.
        """
        rows = _array("pairs", pairs)
        if rows.ndim != 2 or rows.shape[1] != 2:
            raise InputError(
                f"a correspondence is made of pairs (image, text), not of shape {rows.shape}."
            )
        return cls(rows[:, 0], rows[:, 1], n_images, n_texts)

    @classmethod
    def from_lists(
        cls, texts_of_images: Iterable[Iterable[int]], n_texts: Optional[int] = None
    ) -> Correspondence:
        """Of the positions of each image's texts, image by image; for the rest see the class.

        >>> Correspondence.from_lists([[0, 1], [2]])
        Correspondence(2 images, 3 texts, 3 pairs)
        """
        try:
            lists = [list(texts) for texts in texts_of_images]
        except TypeError:
            raise InputError(
                "from_lists takes one list of positions of texts for each image, such as "
                "[[0, 1], [2]]."
            ) from None
        images = np.repeat(np.arange(len(lists)), [len(texts) for texts in lists])
        return cls(images, [text for texts in lists for text in texts], len(lists), n_texts)

    @classmethod
    def from_stride(cls, n_images: int, captions_per_image: int) -> Correspondence:
        """Text ``j`` belongs to image ``j // captions_per_image``.

        Raises:
            InputError: when either number is less than 1, or no whole number.
        """
        n_images = whole_number("n_images", n_images)
        captions_per_image = whole_number("captions_per_image", captions_per_image)
        if captions_per_image < 1 or n_images < 1:
            raise InputError(
                f"{n_images} images with captions_per_image = {captions_per_image} have no "
                "captions: both must be at least 1."
            )
        result = cls.__new__(cls)  # what a stride gives is in order already, and every one has one
        result.n_images, result.n_texts = n_images, n_images * captions_per_image
        result.texts = np.arange(result.n_texts)
        result.images = result.texts // captions_per_image
        return result

    @cached_property
    def captions_per_image(self) -> Optional[int]:
        """The stride, where it is one: text ``j`` belongs to image ``j // stride`` alone."""
        stride = self.n_texts // self.n_images
        texts = np.arange(self.n_texts)
        if stride * self.n_images != self.n_texts or len(self.texts) != self.n_texts:
            return None
        whole = (self.texts == texts).all() and (self.images == texts // stride).all()
        return stride if whole else None

    @cached_property
    def of_images(self) -> Partners:
        """The texts of each image."""
        return _partners(self.images, self.texts, self.n_images)

    @cached_property
    def text_order(self) -> np.ndarray:
        """Where each pair stands when they are ordered by text: int64 ``[n_pairs]``."""
        return np.argsort(self.texts, kind="stable")

    @cached_property
    def of_texts(self) -> Partners:
        """The images of each text."""
        order = self.text_order
        return _partners(self.texts[order], self.images[order], self.n_texts)

    def groups(self) -> tuple[np.ndarray, np.ndarray]:
        """The smallest groups of images and texts that share no pair with each other.

        Returns:
            (int64 ``[n_images]``, int64 ``[n_texts]``): the group of each, from zero by first
            image. Where every text has one image, the groups are the images.
        """
        lowest = np.arange(self.n_images)  # image that a group is known to reach
        while True:
            of_texts = np.minimum.reduceat(lowest[self.of_texts.rows], self.of_texts.starts[:-1])
            reached = np.minimum.reduceat(of_texts[self.of_images.rows], self.of_images.starts[:-1])
            reached = reached[reached]  # an image's group reaches as far as that image does
            if (reached == lowest).all():
                names, groups = np.unique(lowest, return_inverse=True)
                return groups.reshape(-1), np.searchsorted(names, of_texts)
            lowest = reached

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Correspondence)
            and (self.n_images, self.n_texts) == (other.n_images, other.n_texts)
            and np.array_equal(self.images, other.images)
            and np.array_equal(self.texts, other.texts)
        )

    def __repr__(self) -> str:
        return (
            f"Correspondence({self.n_images} images, {self.n_texts} texts, {len(self.texts)} pairs)"
        )


def whole_number(name: str, value: Any) -> int:
    """``value`` as an int; InputError, with the argument's ``name``, when it is none."""
    try:
        return operator.index(value)
    except TypeError:
        raise InputError(f"{name} must be a whole number, not {value!r}.") from None


def _array(name: str, values: Any) -> np.ndarray:
    """What a caller gave as one array, whatever it iterates over."""
    try:
        return np.asarray(values if isinstance(values, np.ndarray) else list(values))
    except (TypeError, ValueError):  # nothing to iterate over; lists of several lengths
        raise InputError(
            f"the {name} of a correspondence must be whole numbers, not {str(values)[:60]}."
        ) from None


def _partners(queries: np.ndarray, answers: np.ndarray, count: int) -> Partners:
    return Partners(np.searchsorted(queries, np.arange(count + 1)), answers)


def spans(starts: np.ndarray, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where several queries' partners stand.

    Args:
        starts: see :class:`Partners`.
        queries: int ``[n]``.

    Returns:
        (positions in ``rows``, query by query; how many each query has)
    """
    sizes = starts[queries + 1] - starts[queries]
    begins = np.cumsum(sizes) - sizes
    return np.repeat(starts[queries] - begins, sizes) + np.arange(sizes.sum()), sizes


GroundTruth = Union[int, Correspondence]  # what a caller may give: a stride is enough


def as_codes(name: str, codes: Any) -> np.ndarray:
    """Codes as an array of float32 or float64.

    Raises:
        InputError: when they are no matrix of real numbers with at least one row.
    """
    try:
        codes = np.asarray(codes)
    except ValueError:
        raise InputError(f"the {name} must be a matrix: its rows differ in length.") from None
    if codes.ndim != 2 or not len(codes):
        raise InputError(
            f"the {name} must be a matrix with at least one row, not of shape {codes.shape}."
        )
    if codes.dtype.kind not in "fiub":
        raise InputError(f"the {name} must be real numbers, not {codes.dtype}.")
    if codes.dtype in (np.float32, np.float64):
        return codes
    # Products of small integers or halves would overflow in their own type.
    return codes.astype(np.float32 if codes.dtype == np.float16 else np.float64)


def as_correspondence(truth: GroundTruth, images: Any, texts: Any) -> Correspondence:
    """The relation between the rows of ``images`` and those of ``texts``.

    Args:
        truth: a :class:`Correspondence`, or the stride.
        images: ``[n_images, size]``, see :func:`as_codes`.
        texts: ``[n_texts, size]``.

    Raises:
        InputError: when the codes are not of one size, or do not fit it.
    """
    if isinstance(truth, Correspondence):
        fits = (truth.n_images, truth.n_texts) == (len(images), len(texts))
        name = f"a correspondence of {truth.n_images:,} images and {truth.n_texts:,} texts"
    else:
        truth = whole_number("captions_per_image", truth)
        fits = truth >= 1 and len(texts) == truth * len(images)
        name = f"captions_per_image = {truth}"
    if not fits or images.shape[1] != texts.shape[1]:
        raise InputError(
            f"image codes {images.shape} and text codes {texts.shape} do not fit {name}."
        )
    if isinstance(truth, Correspondence):
        return truth
    return Correspondence.from_stride(len(images), truth)
