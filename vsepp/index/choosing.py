"""Which files and folders below one's photographs are looked at."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Optional, Tuple

from vsepp.data.sources.passed_over import is_passed_over


@dataclass(frozen=True)
class Choice:
    """What the owner of the photographs wants left out, or taken in all the same.

    Attributes:
        exclude: patterns of what is left out.
        include: patterns of what is taken in though its name is hidden or a system's, such as
            ``@eaDir``.

    A pattern is a glob (``*``, ``?``, ``[…]``) and fits a name, or the end of a path when it
    holds a ``/``. Upper and lower case are the same, and so are the Unicode forms of a letter.
    """

    exclude: Tuple[str, ...] = ()
    include: Tuple[str, ...] = ()

    def excluded_by(self, path: str) -> Optional[str]:
        """The pattern that leaves out a file or folder, or None.

        Args:
            path: its name in the index, with ``/`` between its parts.
        """
        return _fitting(self.exclude, path)

    def included_by(self, path: str) -> Optional[str]:
        """The pattern that takes in a file or folder whose name would keep it out, or None."""
        return _fitting(self.include, path) if _keeps_out(path) else None

    def passes_over(self, path: str) -> bool:
        """Whether its name keeps a file or folder out."""
        return _keeps_out(path) and _fitting(self.include, path) is None

    def takes(self, path: str) -> bool:
        """Whether a file or folder is looked at, and so is every folder that it lies in."""
        parts = path.split("/")
        places = ["/".join(parts[: count + 1]) for count in range(len(parts))]
        return not any(self.excluded_by(place) or self.passes_over(place) for place in places)


def patterns(given: Iterable[str]) -> Tuple[str, ...]:
    """Patterns as they are kept: each once, without a ``./`` or ``/`` around it; no empty ones."""
    cleaned = (pattern.replace(os.sep, "/").strip() for pattern in given)
    bare = (pattern[2:] if pattern.startswith("./") else pattern for pattern in cleaned)
    return tuple(dict.fromkeys(pattern.strip("/") for pattern in bare if pattern.strip("/")))


def _keeps_out(path: str) -> bool:
    return is_passed_over(path.rpartition("/")[2])


def _fitting(globs: Tuple[str, ...], path: str) -> Optional[str]:
    if not globs:
        return None
    parts = _folded(path).split("/")
    ends = ["/".join(parts[first:]) for first in range(len(parts))]
    for glob in globs:
        folded = _folded(glob)
        folded = folded[3:] if folded.startswith("**/") else folded
        tried = ends if "/" in folded else ends[-1:]
        if any(fnmatchcase(end, folded) for end in tried):
            return glob
    return None


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()
