"""Codes that a file holds, and what belongs together: what ``eval.py --codes`` scores."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Tuple

import numpy as np

from vsepp.metrics.correspondence import Correspondence, as_codes, as_correspondence
from vsepp.metrics.counting import check_numbers
from vsepp.metrics.similarity import MEASURES
from vsepp.system.errors import InputError

_NAMES = ("images", "texts", "captions_per_image", "pairs", "measure", "sentences")
_MEND = (
    "give --codes a .npz with images [n, size], texts [m, size] and captions_per_image, or pairs "
    "[p, 2] of (image, text)"
)
_MAKES = {"images": "float", "texts": "float", "measure": "str", "sentences": "str"}  # else int
_LENGTH = 2e-3  # by how much a code in half precision may miss length 1


@dataclass(frozen=True)
class CodeFile:
    """What such a file holds.

    Attributes:
        path: the file.
        images, texts: codes ``[n, size]``, float32 or float64, finite.
        truth: which texts are right for which images.
        measure: ``cosine`` (the dot product of the codes as they are) or ``order``.
        sentences: the texts as they were written, or None.
        unread: names of what else the file holds.
    """

    path: str
    images: np.ndarray
    texts: np.ndarray
    truth: Correspondence
    measure: str
    sentences: Optional[tuple] = None
    unread: Tuple[str, ...] = ()

    @property
    def has_lengths(self) -> bool:
        """Whether codes are not of length 1, so that the cosine measure is none."""
        if self.measure != "cosine":
            return False
        return any(
            (np.abs(np.linalg.norm(codes, axis=1) - 1) > _LENGTH).any()
            for codes in (self.images, self.texts)
        )


def read_code_file(path: str | Path) -> CodeFile:
    """The :class:`CodeFile` of a ``.npz``; nothing in it is executed.

    Raises:
        InputError: naming the file, when it cannot be read, lacks an array, holds one of another
            shape, NaN, infinity or numbers too large to be scored, or something that is no array
            of numbers or words.
    """
    arrays, unread = _arrays(path)
    for name in ("images", "texts"):
        if name not in arrays:
            raise InputError(f"{path} holds no {name}: {_MEND}.")
    if ("captions_per_image" in arrays) == ("pairs" in arrays):
        both = (
            "both captions_per_image and" if "pairs" in arrays else "neither captions_per_image nor"
        )
        raise InputError(f"{path} holds {both} pairs: {_MEND}.")
    try:
        images, texts = (as_codes(name, arrays[name]) for name in ("images", "texts"))
        for name, codes in (("images", images), ("texts", texts)):
            wrong = ~np.isfinite(codes).all(axis=1)
            if wrong.any():
                raise InputError(f"row {int(wrong.argmax())} of {name} holds NaN or infinity.")
        truth = as_correspondence(_truth(arrays, len(images), len(texts)), images, texts)
    except InputError as error:
        raise InputError(f"{path}: {str(error).rstrip('.')}: {_MEND}.") from None
    try:
        check_numbers(images, texts)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    return CodeFile(
        str(path),
        images,
        texts,
        truth,
        _measure(arrays, path),
        _sentences(arrays, len(texts), path),
        unread,
    )


def _arrays(path: str | Path) -> Tuple[Dict[str, np.ndarray], Tuple[str, ...]]:
    """(arrays by name, names of those that mean nothing here)."""
    try:
        with np.load(path, allow_pickle=False) as opened:
            arrays = {name: _array(opened, name, path) for name in _NAMES if name in opened.files}
            return arrays, tuple(name for name in opened.files if name not in _NAMES)
    except (PermissionError, MemoryError, InputError):
        raise
    except FileNotFoundError:
        raise InputError(f"{path} does not exist: {_MEND}.") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder: {_MEND}.") from None
    except Exception:  # NumPy's and zipfile's readers raise almost anything; a .npy is no archive
        raise InputError(
            f"{path} is no .npz file of numbers and words, or not all of one: {_MEND}."
        ) from None


def _array(opened: Mapping[str, np.ndarray], name: str, path: str | Path) -> np.ndarray:
    try:
        return opened[name]
    except ValueError as error:
        if "Object arrays" not in str(error):  # as NumPy says that it would have to unpickle
            raise
    raise InputError(
        f"{path} holds {name} as Python objects, which are not opened: save "
        f"{name}.astype({_MAKES.get(name, 'int')})."
    )


def _truth(arrays: Dict[str, np.ndarray], n_images: int, n_texts: int) -> Any:
    if "pairs" not in arrays:
        stride = arrays["captions_per_image"]
        if stride.size != 1:
            raise InputError(f"captions_per_image is {stride.shape}, not one number.")
        return stride.reshape(-1)[0].item()
    pairs = arrays["pairs"]
    if pairs.ndim != 2 or pairs.shape[1] != 2:
        raise InputError(f"pairs is {pairs.shape}, not [p, 2].")
    return Correspondence(pairs[:, 0], pairs[:, 1], n_images, n_texts)


def _word(array: np.ndarray) -> str:
    return str(array.reshape(-1)[0]) if array.size == 1 else ""


def _measure(arrays: Dict[str, np.ndarray], path: str | Path) -> str:
    measure = _word(arrays["measure"]) if "measure" in arrays else "cosine"
    if measure not in MEASURES:
        raise InputError(
            f"{path} has the measure {measure!r}: use one of {', '.join(sorted(MEASURES))}."
        )
    return measure


def _sentences(arrays: Dict[str, np.ndarray], n_texts: int, path: str | Path) -> Optional[tuple]:
    if "sentences" not in arrays:
        return None
    sentences = arrays["sentences"]
    if sentences.dtype.kind != "U":
        raise InputError(
            f"{path} has sentences {sentences.dtype}, which are no words: save "
            "sentences.astype(str)."
        )
    if sentences.shape != (n_texts,):
        raise InputError(
            f"{path} has sentences {sentences.shape}: give one text for each of {n_texts:,} texts, "
            "or none."
        )
    return tuple(sentences.tolist())
