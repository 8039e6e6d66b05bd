"""Pretrained vectors of words, as GloVe, word2vec and fastText write them: text, plain or .gz.

A line is a word and its numbers, separated by blanks. word2vec and fastText begin with a line of
two numbers, how many words there are and how many numbers each has. A word of GloVe may have
blanks inside, so the numbers are counted from the end of a line.
"""

from __future__ import annotations

import gzip
import itertools
import os
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import IO, NamedTuple, Tuple

import numpy as np

from vsepp.system.errors import InputError
from vsepp.system.git_lfs import POINTER
from vsepp.system.progress import progress
from vsepp.text.vocabulary import SPECIAL_WORDS, Vocabulary

_GZIP, _ZIP, _BOM = b"\x1f\x8b", b"PK\x03\x04", b"\xef\xbb\xbf"
_LARGE = 1 << 26  # bytes of a file from which on a bar is shown
_LONGEST_LINE = 1 << 24  # bytes: what is longer is no line of words
_MOST_NUMBERS = 1 << 16  # what word_dim can be
_FIRST_LINES = 100  # by which the numbers of a word are counted where no line says it
_OF_NUMBERS = b"0123456789.eE+- "
_NAMED_AT_MOST = 8
_MEND = "download or unpack it again, or leave word_vectors out"


class WordVectors(NamedTuple):
    """What a file knows of a vocabulary.

    Attributes:
        path: of the file.
        size: numbers of a word.
        places: indices of the words that were found, rising.
        values: float32 ``[found, size]``.
        missing: the words that were not, the special ones not counted.
    """

    path: str
    size: int
    places: list[int]
    values: np.ndarray
    missing: list[str]

    def line(self, word_dim: int) -> str:
        """How many words were found and how many are missing, for a run's log."""
        found, missing = len(self.places), len(self.missing)
        numbers = f"{self.size} of {word_dim} numbers" if self.size < word_dim else "all numbers"
        named = ", ".join(self.missing[:_NAMED_AT_MOST])
        more = ", …" if missing > _NAMED_AT_MOST else ""
        lacking = f" and {missing:,} are missing there ({named}{more})" if missing else ""
        return (
            f"word_vectors: of the {found + missing:,} words, {found:,} begin with their vector "
            f"of {self.path} ({numbers}){lacking}"
        )


def check_word_vectors(path: str | os.PathLike[str], word_dim: int) -> None:
    """Look at the first lines of a file, before hours are spent on what comes before all of it.

    Args:
        path, word_dim: see :func:`read_word_vectors`.

    Raises:
        InputError: when the file is missing, or its first lines are none of word vectors.
    """
    path = str(path)
    _, lines = _opened(path, word_dim)
    for _ in itertools.islice(lines, _FIRST_LINES):
        pass


def read_word_vectors(
    path: str | os.PathLike[str], vocabulary: Vocabulary, word_dim: int
) -> WordVectors:
    """The vectors of a vocabulary's words.

    A word is looked for as it stands in the vocabulary; where it is not there, in lower case, with
    a capital letter, in capitals, in this order. Of two lines for a word the first counts.

    Args:
        path: of the file, which is read as a stream.
        vocabulary: the words.
        word_dim: numbers that there is room for.

    Raises:
        InputError: when the file is missing, cut short, has a line that is none of a word and its
            numbers, has more numbers than ``word_dim``, or none of the words.
    """
    path = str(path)
    wanted = _wanted(vocabulary)
    best: dict[int, tuple[int, np.ndarray]] = {}  # index → rank of the spelling, vector
    size, lines = _opened(path, word_dim)
    for number, word, numbers in lines:
        for rank, index in wanted.get(word, ()):
            if index not in best or rank < best[index][0]:
                best[index] = rank, _vector(numbers, size, path, number)
    words = [word for word in vocabulary.words if word not in SPECIAL_WORDS]
    if not best:
        raise InputError(
            f"word_vectors: {path} has none of the {len(words):,} words of the vocabulary: give "
            "vectors of the captions' language, or leave word_vectors out."
        )
    places = sorted(best)
    missing = [word for word in words if vocabulary.word_to_index[word] not in best]
    return WordVectors(path, size, places, np.stack([best[index][1] for index in places]), missing)


def _wanted(vocabulary: Vocabulary) -> dict[bytes, list[tuple[int, int]]]:
    """Spelling → (rank of the spelling, index of the word) of the words that take it."""
    wanted: dict[bytes, list[tuple[int, int]]] = {}
    for index, word in enumerate(vocabulary.words):
        if word in SPECIAL_WORDS:
            continue
        spellings = dict.fromkeys([word, word.lower(), word.capitalize(), word.upper()])
        for rank, spelling in enumerate(spellings):
            wanted.setdefault(spelling.encode("utf-8", "replace"), []).append((rank, index))
    return wanted


def _vector(numbers: bytes, size: int, path: str, number: int) -> np.ndarray:
    try:
        with np.errstate(over="ignore"):  # what is too large is refused below
            vector = np.array(numbers.split(), np.float32)
    except ValueError:
        vector = np.empty(0, np.float32)
    if len(vector) != size or not np.isfinite(vector).all():
        raise _broken(path, number, "not all of its numbers are numbers")
    return vector


_Line = Tuple[int, bytes, bytes]  # number of the line, word, its numbers as they stand there


def _opened(path: str, word_dim: int) -> tuple[int, Iterator[_Line]]:
    """(numbers of a word, the lines with words, each looked at)"""
    lines = ((number, line) for number, line in enumerate(_raw_lines(path), start=1) if line)
    first = list(itertools.islice(lines, _FIRST_LINES))
    if not first:
        raise InputError(f"word_vectors: {path} is empty: {_MEND}.")
    announced, size = None, 0
    header = first[0][1].split()
    if len(header) == 2 and all(part.isdigit() and len(part) < 16 for part in header):
        announced, size = map(int, header)
        first = first[1:]
    else:  # the numbers of most: a word may have blanks inside
        size = Counter(line.count(b" ") for _, line in first).most_common(1)[0][0]
    if size > _MOST_NUMBERS:
        raise _broken(path, first[0][0] if first else 1, f"it is no word and {size:,} numbers")
    if size > word_dim:
        raise InputError(
            f"word_vectors: a word of {path} has {size} numbers and word_dim is {word_dim}: "
            f"set word_dim={size}."
        )
    return size, _checked(itertools.chain(first, lines), size, announced, path)


def _checked(
    lines: Iterable[tuple[int, bytes]], size: int, announced: int | None, path: str
) -> Iterator[_Line]:
    seen = 0
    for number, line in lines:
        yield (number, *_parted(line, size, path, number))
        seen += 1
    if announced is not None and seen != announced:
        more = f", or let its first line say {seen} {size}" if seen else ""
        raise InputError(
            f"word_vectors: {path} announces {announced:,} words in its first line and has "
            f"{seen:,}: {_MEND}{more}."
        )


def _parted(line: bytes, size: int, path: str, number: int) -> tuple[bytes, bytes]:
    """A line's word and numbers."""
    blanks = line.count(b" ")
    if size and blanks == size:
        word, _, numbers = line.partition(b" ")
    elif size and blanks > size:  # a word with blanks inside
        parts = line.rsplit(b" ", size)
        word, numbers = parts[0].rstrip(), line[len(parts[0]) + 1 :]
        if _is_decimal(word.rpartition(b" ")[2]):
            raise _broken(path, number, f"it has more than {size} numbers")
    else:
        raise _broken(path, number, f"it is no word and {size or 'its'} numbers")
    if numbers.translate(None, _OF_NUMBERS):
        raise _broken(path, number, "not all of its numbers are numbers")
    return word, numbers


def _is_decimal(text: bytes) -> bool:
    if b"." not in text:
        return False
    try:
        float(text)
    except ValueError:
        return False
    return True


def _broken(path: str, number: int, what: str) -> InputError:
    return InputError(f"word_vectors: {path}, line {number}: {what}: {_MEND}.")


def _raw_lines(path: str) -> Iterator[bytes]:
    """The lines of a file without their ends; blanks where tabs were."""
    try:
        with open(path, "rb") as file:
            start = file.read(len(POINTER))
            file.seek(0)
            if start == POINTER:
                raise InputError(
                    f"word_vectors: {path} is git-LFS's pointer to the file: run `git lfs pull` "
                    "in its folder, or download the file itself."
                )
            if start.startswith(_ZIP):
                raise InputError(
                    f"word_vectors: {path} is a ZIP archive: unpack it, and give the text file "
                    "inside."
                )
            unpacked = gzip.open(file) if start.startswith(_GZIP) else file
            yield from _shown(unpacked, file, path)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise InputError(f"word_vectors: {path} is cut short or damaged: {_MEND}.") from None
    except OSError as error:
        raise InputError(
            f"word_vectors: {path} cannot be read ({error.strerror}): check the path, or leave "
            "word_vectors out."
        ) from None


def _shown(lines: IO[bytes] | gzip.GzipFile, file: IO[bytes], path: str) -> Iterator[bytes]:
    """The lines, with a bar of the bytes read where the file is large."""
    total = os.fstat(file.fileno()).st_size
    with progress(
        description=f"reading {os.path.basename(path)}",
        total=total,
        unit="B",
        unit_scale=True,
        leave=False,
        disable=None if total >= _LARGE else True,
    ) as bar:
        for number, line in enumerate(iter(lambda: lines.readline(_LONGEST_LINE), b"")):
            if not number % 4096:
                bar.update(file.tell() - bar.n)
            if len(line) == _LONGEST_LINE:
                raise _broken(path, number + 1, "it is too long to be a word and its numbers")
            if not number and line.startswith(_BOM):  # of an editor, before the first word
                line = line[len(_BOM) :]
            yield line.replace(b"\t", b" ").rstrip(b" \r\n")
