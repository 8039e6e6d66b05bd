"""How alike an image's and a text's codes are: the cosine and the order measure, in NumPy.

Each measure scores whole blocks in single precision, and chosen pairs in double precision;
``slack`` bounds how far the two can lie apart. The measure that a loss is made of, which has
gradients, is ``vsepp.models.losses.similarity``.
"""

from __future__ import annotations

from functools import reduce
from typing import Callable, Iterator, Optional, Sequence, Type, Union

import numpy as np

from vsepp.system.errors import InputError

_PAIRS_AT_ONCE = 8_192
_TEXTS_IN_CACHE = 64
_IMAGES_IN_CACHE = 32
_VANISHING = 1e-35  # what is lost of numbers too small for single precision
_FEW = 4  # so many texts are faster one by one, the images being in the cache, than as a product


class Cosine:
    """The dot product of the codes as given; the cosine where they are of unit length.

    Attributes:
        name: its key in ``MEASURES``.
        columns: of the codes that are scored by themselves: here all of them at once.
        size: of the codes; None where any will do.
    """

    name = "cosine"
    columns: tuple[slice, ...] = (slice(None),)
    size: Optional[int] = None

    @staticmethod
    def block(images: np.ndarray, texts: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """float32 scores ``[n_images, n_texts]`` of each image with each text, in ``out``."""
        return np.matmul(np.asarray(images, np.float32), np.asarray(texts, np.float32).T, out=out)

    @staticmethod
    def scanner(texts: np.ndarray, at_once: int) -> Callable[[np.ndarray], np.ndarray]:
        """What scores one block of images after the other with the same texts.

        Args:
            texts: float32 ``[n_texts, size]``.
            at_once: most images of a block.

        Returns:
            function: from float32 ``[at_once or fewer, size]`` to float32
            ``[n_texts, n_images]``, which its next call overwrites.
        """
        room = np.empty(len(texts) * at_once, np.float32)

        def scan(images: np.ndarray) -> np.ndarray:
            scores = room[: len(texts) * len(images)].reshape(len(texts), len(images))
            if len(texts) <= _FEW:
                for line, text in zip(scores, texts):
                    np.matmul(images, text, out=line)
            else:
                np.matmul(texts, images.T, out=scores)
            return scores

        return scan

    @classmethod
    def own(cls, images: np.ndarray, texts: np.ndarray) -> np.ndarray:
        """float32 scores ``[n_images, k]`` of each image with its own texts: the next ``k``."""
        per_image = len(texts) // len(images)
        result = np.empty((len(images), per_image), np.float32)
        for start in range(0, len(images), _IMAGES_IN_CACHE):
            part = np.asarray(images[start : start + _IMAGES_IN_CACHE], np.float32)
            theirs = np.asarray(
                texts[start * per_image : (start + len(part)) * per_image], np.float32
            ).reshape(len(part), per_image, -1)
            result[start : start + len(part)] = cls._own(part, theirs)
        return result

    @staticmethod
    def _own(images: np.ndarray, texts: np.ndarray) -> np.ndarray:
        return np.einsum("ij,ikj->ik", images, texts)

    @staticmethod
    def slack(images: np.ndarray, texts: np.ndarray) -> float:
        """How far a single-precision score may be from its double-precision value."""
        longest = _longest(images), _longest(texts)
        return 2e-6 * longest[0] * longest[1] + _VANISHING * (1 + sum(longest))

    @staticmethod
    def _score(images: np.ndarray, texts: np.ndarray) -> np.ndarray:
        return np.einsum("ij,ij->i", images, texts)

    @classmethod
    def pairs(
        cls,
        images: np.ndarray,
        texts: np.ndarray,
        image_rows: np.ndarray,
        text_rows: np.ndarray,
        dtype: type[np.floating] = np.float64,
    ) -> np.ndarray:
        """Scores of image ``image_rows[k]`` with text ``text_rows[k]``, worked out in ``dtype``."""
        result = np.empty(len(image_rows), dtype)
        for start in range(0, len(image_rows), _PAIRS_AT_ONCE):
            part = slice(start, start + _PAIRS_AT_ONCE)
            result[part] = cls._score(
                images[image_rows[part]].astype(dtype), texts[text_rows[part]].astype(dtype)
            )
        return result


class Order(Cosine):
    """Negative length of what of the text exceeds the image (Vendrov et al., 2016)."""

    name = "order"

    @staticmethod
    def block(images: np.ndarray, texts: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        images = np.ascontiguousarray(images, np.float32)
        texts = np.ascontiguousarray(texts, np.float32)
        scores = np.empty((len(images), len(texts)), np.float32) if out is None else out
        room = np.empty((_TEXTS_IN_CACHE, texts.shape[1]), np.float32)
        for start in range(0, len(texts), _TEXTS_IN_CACHE):
            part = texts[start : start + _TEXTS_IN_CACHE]
            beyond = room[: len(part)]
            for line, image in enumerate(images):
                np.subtract(part, image, out=beyond)
                _squared_excess(beyond, out=scores[line, start : start + len(part)])
        return _negative_root(scores)

    @staticmethod
    def scanner(texts: np.ndarray, at_once: int) -> Callable[[np.ndarray], np.ndarray]:
        room = np.empty((at_once, texts.shape[1]), np.float32)
        table = np.empty((len(texts), at_once), np.float32)

        def scan(images: np.ndarray) -> np.ndarray:
            beyond, scores = room[: len(images)], table[:, : len(images)]
            for line, text in zip(scores, texts):
                np.subtract(text, images, out=beyond)
                _squared_excess(beyond, out=line)
            return _negative_root(scores)

        return scan

    @staticmethod
    def _own(images: np.ndarray, texts: np.ndarray) -> np.ndarray:
        beyond = texts - images[:, None]
        squares = _squared_excess(beyond.reshape(-1, beyond.shape[2]))
        return _negative_root(squares).reshape(beyond.shape[:2])

    @staticmethod
    def slack(images: np.ndarray, texts: np.ndarray) -> float:
        return 4e-6 * (_longest(images) + _longest(texts)) + _VANISHING

    @staticmethod
    def _score(images: np.ndarray, texts: np.ndarray) -> np.ndarray:
        return _negative_root(_squared_excess(texts - images))


def _squared_excess(difference: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Squared lengths ``[n]`` of the positive parts of ``difference [n, size]``, which keeps only
    these: of texts less images, what lies beyond the image."""
    np.maximum(difference, 0, out=difference)
    return np.einsum("ij,ij->i", difference, difference, out=out)


def _negative_root(squares: np.ndarray) -> np.ndarray:
    np.sqrt(squares, out=squares)
    return np.negative(squares, out=squares)


class Ensemble:
    """The sum of several models' similarities, which ranks as their mean does.

    Codes stand side by side: columns ``[:widths[0]]`` are the first model's, and so on.

    Args:
        measure: the one measure of all models, a key of ``MEASURES``; or one for each.
        widths: every model's ``embed_size``.
    """

    def __init__(self, measure: Union[str, Sequence[str]], widths: Sequence[int]) -> None:
        names = [measure] * len(widths) if isinstance(measure, str) else list(measure)
        self.measures = tuple(MEASURES[find_measure(name).name] for name in names)
        self.name = measure if isinstance(measure, str) else "+".join(dict.fromkeys(names))
        sizes = np.asarray(widths)
        if sizes.ndim != 1 or sizes.dtype.kind not in "iu" or sizes.min(initial=1) < 1:
            raise InputError(f"an ensemble's widths must be positive whole numbers, not {widths}.")
        ends = np.cumsum(sizes).tolist()
        self.size = ends[-1]
        self.columns = tuple(slice(end - width, end) for end, width in zip(ends, widths))

    def _parts(
        self, images: np.ndarray, texts: np.ndarray
    ) -> Iterator[tuple[Type[Cosine], np.ndarray, np.ndarray]]:
        for measure, columns in zip(self.measures, self.columns):
            yield measure, images[:, columns], texts[:, columns]

    def block(
        self, images: np.ndarray, texts: np.ndarray, out: np.ndarray | None = None
    ) -> np.ndarray:
        """float32 scores ``[n_images, n_texts]`` of each image with each text, in ``out``."""
        (first, *codes), *others = self._parts(images, texts)
        scores = first.block(*codes, out=out)
        for measure, *part in others:
            scores += measure.block(*part)
        return scores

    def scanner(self, texts: np.ndarray, at_once: int) -> Callable[[np.ndarray], np.ndarray]:
        """See :meth:`Cosine.scanner`."""
        scanners = [
            measure.scanner(np.ascontiguousarray(texts[:, columns]), at_once)
            for measure, columns in zip(self.measures, self.columns)
        ]

        def scan(images: np.ndarray) -> np.ndarray:
            first, *others = (
                scanner(images[:, columns]) for scanner, columns in zip(scanners, self.columns)
            )
            for scores in others:
                first += scores
            return first

        return scan

    def own(self, images: np.ndarray, texts: np.ndarray) -> np.ndarray:
        """float32 scores ``[n_images, k]`` of each image with its own texts: the next ``k``."""
        parts = self._parts(images, texts)
        return reduce(np.add, (measure.own(*part) for measure, *part in parts))

    def slack(self, images: np.ndarray, texts: np.ndarray) -> float:
        """How far a single-precision score may be from its double-precision value."""
        return sum(measure.slack(*part) for measure, *part in self._parts(images, texts))

    def pairs(
        self,
        images: np.ndarray,
        texts: np.ndarray,
        image_rows: np.ndarray,
        text_rows: np.ndarray,
        dtype: type[np.floating] = np.float64,
    ) -> np.ndarray:
        """Scores of image ``image_rows[k]`` with text ``text_rows[k]``, worked out in ``dtype``."""
        return reduce(
            np.add,
            (
                measure.pairs(*part, image_rows, text_rows, dtype)
                for measure, *part in self._parts(images, texts)
            ),
        )


def _longest(codes: np.ndarray) -> float:
    return float(np.sqrt(np.einsum("ij,ij->i", codes, codes).max()))


MEASURES = {"cosine": Cosine, "order": Order}
Measure = Union[str, Ensemble]  # what a caller may give
Scorer = Union[Type[Cosine], Ensemble]  # what it stands for


def find_measure(measure: Measure) -> Scorer:
    """The measure of that name in ``MEASURES``; an :class:`Ensemble` is its own.

    Raises:
        InputError: for an unknown name.
    """
    if isinstance(measure, Ensemble):
        return measure
    if measure not in tuple(MEASURES):
        raise InputError(f"there is no measure {measure!r}: use one of {', '.join(MEASURES)}.")
    return MEASURES[measure]
