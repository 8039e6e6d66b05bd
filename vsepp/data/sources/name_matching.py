"""Which of a source's files is which image of the captions: names matched as people mean them.

The same name comes first. Failing that, the one file whose name differs by Unicode form, by
case, by COCO's number or by its suffix; where several could be meant, none is taken.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Callable, Optional
from urllib.parse import unquote

from vsepp.data.image_suffixes import has_image_suffix
from vsepp.data.sources.name_encodings import best_encoding, names_in
from vsepp.data.sources.passed_over import is_passed_over
from vsepp.system.errors import InputError

_COCO = re.compile(r"coco_[a-z]+\d{4}_(?=\d{12}(?!\d))", re.IGNORECASE)


def _composed(path: str) -> str:
    return path if path.isascii() else unicodedata.normalize("NFC", path)


def _caseless(path: str) -> str:
    return path.casefold()


def _by_number(path: str) -> str:
    start = path.rfind("/") + 1
    match = _COCO.match(path, start)
    return path[:start] + path[match.end() :] if match else path


def _without_escapes(path: str) -> str:
    """A path whose parts are written as addresses have them, ``a%20b.jpg``, as it is meant."""
    if "%" not in path or "%2f" in path.casefold():
        return path
    return _caseless(_composed(unquote(path)))


def _without_suffix(path: str) -> str:
    return path[: path.rindex(".")] if has_image_suffix(path) else path


# What may differ, and how it is said; each level allows one more.
_ALLOWED: tuple[tuple[Callable[[str], str], str], ...] = (
    (_composed, "in another Unicode form"),
    (_caseless, "in another case"),
    (_by_number, "by COCO's number"),
    (_without_escapes, "written as in an address"),
    (_without_suffix, "with another suffix"),
)
_COMPLETED = "completed by their suffix"


def _key(path: str, level: int, but: Optional[int] = None) -> str:
    """A path without what the first ``level`` differences, or all of these but one, concern."""
    for place in range(level):
        if place != but:
            path = _ALLOWED[place][0](path)
    return path


def _base(path: str) -> str:
    return path.rpartition("/")[2]


def _loosest(path: str) -> str:
    return _key(_base(path), len(_ALLOWED))


@dataclass
class Matching:
    """Which file is which image.

    Attributes:
        wanted: how many names were looked for.
        found: ``{name: name in the source}``.
        how: ``{name: how it differs}`` of those that are not found by the same name.
        ambiguous: ``{name: what could be meant}`` of those that are not found for that.
        encoding: in which names of the source were read that declare none.
    """

    wanted: int
    found: dict[str, str] = field(default_factory=dict)
    how: dict[str, str] = field(default_factory=dict)
    ambiguous: dict[str, str] = field(default_factory=dict)
    encoding: Optional[str] = None

    @property
    def completed(self) -> dict[str, str]:
        """``{name: the same with the suffix of its file}``, of those that lack it."""
        return {
            name: name + PurePosixPath(self.found[name]).suffix
            for name in self.how
            if not has_image_suffix(name) and has_image_suffix(self.found[name])
        }

    def counts(self) -> dict[str, int]:
        """How many were found in each other way than by the same name."""
        return dict(Counter(self.how.values()))


def match_names(
    names: Collection[str],
    sizes: Mapping[str, int],
    source: object,
    undeclared: Optional[Mapping[str, bytes]] = None,
) -> Matching:
    """Find the files of images.

    Args:
        names: paths below the data set's images folder, as the captions have them.
        sizes: ``{name: bytes}`` of what the source holds.
        source: its name, for messages.
        undeclared: ``{name: its bytes}`` of those in an unknown encoding; they are read in the
            one in which most are wanted.

    Raises:
        InputError: when two different files have the name of an image.
    """
    matching = Matching(len(names))
    read: dict[str, str] = {}  # {name in the source: as it is read}
    if undeclared:
        matching.encoding = best_encoding(undeclared, set(map(_loosest, names)), _loosest)
        if matching.encoding:
            read = names_in(undeclared, matching.encoding)
    asked_for = {part for name in names for part in name.split("/")[:-1]}
    every = {read.get(listed, listed): listed for listed in sizes}

    def candidates(key: Callable[[str], str]) -> dict[str, str]:
        wanted = set(map(key, left))
        return {
            name: listed
            for name, listed in every.items()
            if key(name) in wanted and not _is_debris(name, asked_for)
        }

    left = dict.fromkeys(names)
    _match_level(matching, left, candidates(_base), 0, sizes, source)
    if left:
        some = candidates(_loosest)
        for level in range(1, len(_ALLOWED) + 1):
            _match_level(matching, left, some, level, sizes, source)
    return matching


def _is_debris(name: str, asked_for: Collection[str]) -> bool:
    """Whether a system made a file for its own use: ``__MACOSX/…``, ``._a.jpg``, ``@eaDir/…``."""
    *folders, base = name.split("/")
    return base.startswith("._") or any(
        is_passed_over(folder) and folder not in asked_for for folder in folders
    )


def _match_level(
    matching: Matching,
    left: dict[str, None],
    candidates: Mapping[str, str],
    level: int,
    sizes: Mapping[str, int],
    source: object,
) -> None:
    """Match what is left by keys of a level, and take it out of ``left``."""
    keys = {name: _key(name, level) for name in left}
    ending, same_base = _grouped(candidates, set(keys.values()), level)
    taken = set(matching.found.values())
    chosen: dict[str, list[str]] = {}  # {file: names that it would serve}
    for name, key in keys.items():
        found = ending.get(key) or []
        if level == 0 and found:
            best = _same_name(name, found, candidates, sizes, source)
        else:
            found = found or same_base.get(_base(key), [])
            best = _one_of(found, candidates, sizes, bool(ending.get(key)))
        if best:
            chosen.setdefault(best, []).append(name)
        elif found:
            matching.ambiguous[name] = f"{found[0]!r} or {found[1]!r}"
    for best, served in chosen.items():
        listed = candidates[best]
        if listed in taken:
            continue
        if len({_base(name) for name in served}) > 1:  # which of them it is, nobody can say
            for name, other in zip(served, (*served[1:], served[0])):
                matching.ambiguous[name] = f"{best!r}, which could be {other!r} too"
            continue
        for name in served:
            del left[name]
            matching.ambiguous.pop(name, None)
            matching.found[name] = listed
            if level:
                matching.how[name] = _difference(name, best, level)


def _grouped(
    candidates: Iterable[str], keys: set[str], level: int
) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Files by the key that their path ends in, and by the base of their key."""
    bases = {_base(key) for key in keys}
    ending: dict[str, list[str]] = {}
    same_base: dict[str, list[str]] = {}
    for candidate in candidates:
        end = _key(candidate, level)
        base = _base(end)
        if base not in bases:
            continue
        same_base.setdefault(base, []).append(candidate)
        while True:
            if end in keys:
                ending.setdefault(end, []).append(candidate)
            _, slash, end = end.partition("/")
            if not slash:
                break
    return ending, same_base


def _same_name(
    name: str,
    found: list[str],
    candidates: Mapping[str, str],
    sizes: Mapping[str, int],
    source: object,
) -> str:
    """The file of an image among those whose path ends in its name."""
    best = min(found, key=_depth)
    if best != name and len(found) > 1:
        # An archive may hold its folder twice; two pictures of one name are another matter.
        size = sizes[candidates[best]]
        other = next((path for path in found if sizes[candidates[path]] != size), None)
        if other:
            raise InputError(
                f"{source} holds two different files for the image {name!r}, "
                f"{best!r} and {other!r}: give the folder with the right ones."
            )
    return best


def _one_of(
    found: list[str], candidates: Mapping[str, str], sizes: Mapping[str, int], whole: bool
) -> Optional[str]:
    """The one file that can be meant; None when there are several, or none."""
    if len(found) == 1:
        return found[0]
    alike = whole and len({(_base(path), sizes[candidates[path]]) for path in found}) == 1
    return min(found, key=_depth) if alike else None


def _depth(path: str) -> tuple[int, str]:
    return path.count("/"), path


def _difference(name: str, found: str, level: int) -> str:
    """How the name of a file differs from that of its image, in words."""
    name, found = _base(name), _base(found)
    needed = [
        words
        for place, (_, words) in enumerate(_ALLOWED[:level])
        if _key(name, level, place) != _key(found, level, place)
    ] or [_ALLOWED[level - 1][1]]  # the folders differ so
    if not has_image_suffix(name):
        needed = [_COMPLETED if words == _ALLOWED[-1][1] else words for words in needed]
    return " and ".join(needed)
