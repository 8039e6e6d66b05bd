"""How alike an image's and a text's codes are: the cosine and the order measure, in NumPy.

Each measure scores a block of images with all texts in single precision, and chosen pairs in
double precision; ``slack`` bounds how far the two can lie apart.
"""

import numpy as np

from vsepp.system.errors import InputError

_PAIRS_AT_ONCE = 8_192
_TEXTS_IN_CACHE = 64
_IMAGES_IN_CACHE = 32


class Cosine:
    """The dot product of the codes as given; the cosine where they are of unit length."""

    @staticmethod
    def block(images, texts, out=None):
        """float32 scores ``[n_images, n_texts]`` of each image with each text, in ``out``."""
        return np.matmul(np.asarray(images, np.float32), np.asarray(texts, np.float32).T, out=out)

    @classmethod
    def own(cls, images, texts):
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
    def _own(images, texts):
        return np.einsum("ij,ikj->ik", images, texts)

    @staticmethod
    def slack(images, texts):
        """How far a single-precision score may be from its double-precision value."""
        return 2e-6 * _longest(images) * _longest(texts)

    @staticmethod
    def _score(images, texts):
        return np.einsum("ij,ij->i", images, texts)

    @classmethod
    def pairs(cls, images, texts, image_rows, text_rows):
        """float64 scores of image ``image_rows[k]`` with text ``text_rows[k]``."""
        result = np.empty(len(image_rows))
        for start in range(0, len(image_rows), _PAIRS_AT_ONCE):
            part = slice(start, start + _PAIRS_AT_ONCE)
            result[part] = cls._score(
                images[image_rows[part]].astype(np.float64),
                texts[text_rows[part]].astype(np.float64),
            )
        return result


class Order(Cosine):
    """Negative length of what of the text exceeds the image (Vendrov et al., 2016)."""

    @staticmethod
    def block(images, texts, out=None):
        images = np.ascontiguousarray(images, np.float32)
        texts = np.ascontiguousarray(texts, np.float32)
        scores = np.empty((len(images), len(texts)), np.float32) if out is None else out
        exceeding = np.empty((_TEXTS_IN_CACHE, texts.shape[1]), np.float32)
        for start in range(0, len(texts), _TEXTS_IN_CACHE):
            part = texts[start : start + _TEXTS_IN_CACHE]
            beyond = exceeding[: len(part)]
            for line, image in enumerate(images):
                np.subtract(part, image, out=beyond)
                np.maximum(beyond, 0, out=beyond)
                np.einsum("ij,ij->i", beyond, beyond, out=scores[line, start : start + len(part)])
        np.sqrt(scores, out=scores)
        return np.negative(scores, out=scores)

    @staticmethod
    def _own(images, texts):
        exceeding = np.maximum(texts - images[:, None], 0)
        return -np.sqrt(np.einsum("ikj,ikj->ik", exceeding, exceeding))

    @staticmethod
    def slack(images, texts):
        return 4e-6 * (_longest(images) + _longest(texts))

    @staticmethod
    def _score(images, texts):
        exceeding = np.maximum(texts - images, 0)
        return -np.sqrt(np.einsum("ij,ij->i", exceeding, exceeding))


class Ensemble:
    """The sum of several models' similarities, which ranks as their mean does.

    Codes stand side by side: columns ``[:widths[0]]`` are the first model's, and so on.

    Args:
        measure: the one measure of all models, a key of ``MEASURES``.
        widths: every model's ``embed_size``.
    """

    def __init__(self, measure, widths):
        self.measure = find_measure(measure)
        ends = np.cumsum(widths).tolist()
        self._columns = [slice(end - width, end) for end, width in zip(ends, widths)]

    def _parts(self, images, texts):
        for columns in self._columns:
            yield images[:, columns], texts[:, columns]

    def block(self, images, texts, out=None):
        """float32 scores ``[n_images, n_texts]`` of each image with each text, in ``out``."""
        first, *others = self._parts(images, texts)
        scores = self.measure.block(*first, out=out)
        for part in others:
            scores += self.measure.block(*part)
        return scores

    def own(self, images, texts):
        """float32 scores ``[n_images, k]`` of each image with its own texts: the next ``k``."""
        return sum(self.measure.own(*part) for part in self._parts(images, texts))

    def slack(self, images, texts):
        """How far a single-precision score may be from its double-precision value."""
        return sum(self.measure.slack(*part) for part in self._parts(images, texts))

    def pairs(self, images, texts, image_rows, text_rows):
        """float64 scores of image ``image_rows[k]`` with text ``text_rows[k]``."""
        return sum(
            self.measure.pairs(*part, image_rows, text_rows) for part in self._parts(images, texts)
        )


def _longest(codes):
    return float(np.sqrt(np.einsum("ij,ij->i", codes, codes).max()))


MEASURES = {"cosine": Cosine, "order": Order}


def find_measure(measure):
    """The measure of that name in ``MEASURES``; an :class:`Ensemble` is its own.

    Raises:
        InputError: for an unknown name.
    """
    if isinstance(measure, Ensemble):
        return measure
    if measure not in MEASURES:
        raise InputError(f"there is no measure {measure!r}: use one of {', '.join(MEASURES)}.")
    return MEASURES[measure]
