"""COCO's results JSON, ``[{"image_id": …, "caption": …}, …]``: read from any program, and written.

An ``image_id`` is what the program calls the image: COCO's number, the name of its file, or its
place in the split, from zero.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Optional, Union

from vsepp.data.sources.name_matching import match_names
from vsepp.system.atomic import write_json
from vsepp.system.counts import counted
from vsepp.system.errors import InputError
from vsepp.system.json_files import read_json
from vsepp.system.printable import printable

_FORM = 'give a list of {"image_id": …, "caption": …}, one for each image'
_NUMBER = re.compile(r"(?:coco_[a-z]+\d{4}_)?([0-9]{1,18})", re.IGNORECASE)
_COCO_DIGITS = 12
_DIGITS = re.compile(r"([0-9]{1,18})")
_EXAMPLES = 3  # images that a message names


class Results(NamedTuple):
    """Captions that another program wrote.

    Attributes:
        captions: one for each image of the split, in its order.
        matched: how the images were told, in words.
    """

    captions: list[str]
    matched: str


def read_results(path: Union[str, os.PathLike], images: Sequence[str], split: str) -> Results:
    """Read captions of a split's images.

    Args:
        path: the file.
        images: paths of the split's images.
        split: its name, for messages.

    Raises:
        InputError: when the file is no such list, when an image has two captions or none, when
            one is not of the split, or when ids can be read in two ways.
    """
    entries = list(_entries(path))
    captions = [caption for _, caption in entries]
    ids = [image_id.replace("\\", "/") for image_id, _ in entries]
    numbers = [int(match[1]) for match in map(_DIGITS.fullmatch, ids) if match]
    by_number = len(numbers) == len(ids)
    count = Counter(numbers if by_number else ids)
    twice = [image_id for image_id, times in count.items() if times > 1]
    if twice:
        raise InputError(f"{path} has more than one caption of {_named(twice, 'image')}: {_FORM}.")
    if by_number:
        places, matched = _by_number(path, numbers, images)
    else:
        places, matched = _by_name(path, ids, images), "by their names"
    extra = [image_id for image_id, place in zip(ids, places) if place is None]
    found = dict(zip(places, captions))
    missing = [image for place, image in enumerate(images) if place not in found]
    wrong = [
        *([f"no caption of {_named(missing, 'image')}"] if missing else []),
        *([f"captions of {_named(extra, 'image')} that the split does not have"] if extra else []),
    ]
    if wrong:
        raise InputError(
            f"{path} does not fit the {counted(len(images), 'image')} of the {split} split: it has "
            f"{' and '.join(wrong)}; give one caption for each, with COCO's number, the file's "
            "name or the place in the split, from 0, as its image_id."
        )
    return Results([found[place] for place in range(len(images))], matched)


def write_results(
    path: Union[str, os.PathLike], images: Sequence[str], captions: Iterable[str]
) -> None:
    """Write captions of a split's images, in its order, as COCO's results JSON.

    An ``image_id`` is COCO's number where all file names have one, else the file's name below
    the folder that all images are in.
    """
    captions = list(captions)
    if len(captions) != len(images):
        raise InputError(
            f"{counted(len(captions), 'caption')} for {counted(len(images), 'image')}: give one "
            "for each."
        )
    matches = [_NUMBER.fullmatch(_stem(image)) for image in images]
    numbers = {int(match[1]): None for match in matches if match and len(match[1]) == _COCO_DIGITS}
    ids = list(numbers) if len(numbers) == len(images) else _names(images)
    write_json(
        path, [{"image_id": each, "caption": caption} for each, caption in zip(ids, captions)]
    )


def _entries(path: Union[str, os.PathLike]) -> Iterable[tuple[str, str]]:
    """The id, as text, and the caption of every entry."""
    content = read_json(path, _FORM)
    if not isinstance(content, list):
        raise InputError(f"{path} is not a list: {_FORM}.")
    for place, entry in enumerate(content):
        where = f"{path}: entry {place}"
        if not isinstance(entry, dict):
            raise InputError(f"{where} is not an object: {_FORM}.")
        if type(entry.get("image_id")) not in (int, str):
            raise InputError(f"{where} has no 'image_id' that is a number or a name: {_FORM}.")
        if not isinstance(entry.get("caption"), str):
            raise InputError(f"{where} has no 'caption' that is a sentence: {_FORM}.")
        yield str(entry["image_id"]), entry["caption"]


def _by_number(
    path: Union[str, os.PathLike], numbers: Sequence[int], images: Sequence[str]
) -> tuple[list[Optional[int]], str]:
    """Places in the split of the images that numbers stand for."""
    readings = []
    matches = [_NUMBER.fullmatch(_stem(image)) for image in images]
    known = {int(match[1]): place for place, match in enumerate(matches) if match}
    if len(known) == len(images):
        places = [known.get(number) for number in numbers]
        readings.append((places, "by the numbers in their names"))
    places = [number if number in range(len(images)) else None for number in numbers]
    readings.append((places, "by their places in the split"))
    whole = [each for each in readings if None not in each[0]]
    if len(whole) == 2 and whole[0][0] != whole[1][0]:
        raise InputError(
            f"{path}: its numbers can be those in the names of the images and their places in "
            "the split, which are not the same images: give the names of the files as image_id."
        )
    # Where none fits, the message is about the reading that is nearer.
    return max(readings, key=lambda reading: len(images) - reading[0].count(None))


def _by_name(
    path: Union[str, os.PathLike], ids: Sequence[str], images: Sequence[str]
) -> list[Optional[int]]:
    """Places in the split of the images that names stand for."""
    names = _names(images)
    matching = match_names(names, dict.fromkeys(ids, 0), path)
    served: dict[str, list[str]] = {}
    for name, found in matching.found.items():
        served.setdefault(found, []).append(name)
    for name, could in matching.ambiguous.items():
        raise InputError(
            f"{path}: the image {printable(name)} can be {printable(could)}: give the names of "
            "the files as they are in the split."
        )
    for found, several in served.items():
        if len(several) > 1:
            raise InputError(
                f"{path}: {printable(found)} can be {printable(several[0])} and "
                f"{printable(several[1])}: give the names with their folders."
            )
    place = {name: number for number, name in enumerate(names)}
    return [place[served[each][0]] if each in served else None for each in ids]


def _stem(image: str) -> str:
    return posixpath.splitext(posixpath.basename(image.replace("\\", "/")))[0]


def _names(images: Sequence[str]) -> list[str]:
    """Names of images below the folder that all of them are in."""
    paths = [image.replace("\\", "/").split("/") for image in images]
    shared = len(posixpath.commonprefix([path[:-1] for path in paths]))
    return ["/".join(path[shared:]) for path in paths]


def _named(images: Iterable[object], what: str) -> str:
    """How many, and which."""
    names = [printable(str(image)) for image in images]
    more = ", …" if len(names) > _EXAMPLES else ""
    return f"{counted(len(names), what)} ({', '.join(names[:_EXAMPLES])}{more})"
