"""Photographs that were found, collected in a folder in the order of the answer."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

from vsepp.system.atomic import atomic_path
from vsepp.system.errors import InputError
from vsepp.system.printable import printable

_LONGEST = 255  # bytes of a file's name
_IN_NO_NAME = '<>:"/\\|?*'  # what one system or another takes in no file's name


def collected_names(paths, scores):
    """What found photographs are called in a folder of their own, so that it lists them in order.

    Args:
        paths: their files, best first.
        scores: one similarity each.

    Returns:
        list of str, all different.

    >>> collected_names(["a/sea.jpg", "b/sea.jpg"], [0.4314, 0.2])
    ['01_0.431_sea.jpg', '02_0.200_sea.jpg']
    """
    width = max(2, len(str(len(paths))))
    return [
        _shortened(f"{rank:0{width}d}_{score:.3f}_", os.path.basename(path))
        for rank, (path, score) in enumerate(zip(paths, scores), 1)
    ]


def _shortened(start, name):
    """``start`` and ``name``, of which the beginning gives way where both are too long."""
    while len(os.fsencode(start + name)) > _LONGEST:
        name = name[1:]
    return start + name


def folder_of_query(number, count, sentence):
    """Name of the folder of one query among several.

    >>> folder_of_query(3, 12, "dogs: in/out?")
    '03_dogs in out'
    """
    kept = "".join(" " if letter in _IN_NO_NAME else letter for letter in printable(sentence))
    words = " ".join(kept.split())[:60].rstrip(" .")  # Windows takes neither at the end
    return f"{number:0{max(2, len(str(count)))}d}_{words}"


def check_free(folder, names):
    """InputError when one of the names is taken in a folder: nothing is written over."""
    for name in names:
        if os.path.lexists(os.path.join(folder, name)):
            raise InputError(
                f"{os.path.join(folder, name)} is there already: give another folder, or remove it."
            )


def collect(paths, names, folder, link=False):
    """Copy photographs into a folder, or make symbolic links to them.

    A copy keeps the time of its file. A link leads to the absolute path.

    Args:
        paths: the files.
        names: what each is called there, see :func:`collected_names`.
        folder: made when it is missing.
        link: make links.

    Returns:
        list of ``(path, reason)``: files that could not be read.

    Raises:
        InputError: when a name is taken there, or the system makes no links there.
    """
    check_free(folder, names)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    refused = []
    for path, name in zip(paths, names):
        try:
            with open(path, "rb") as source:  # a link to nothing would be made
                if link:
                    _link(path, folder / name)
                else:
                    with atomic_path(folder / name, sync=False) as temporary:
                        with open(temporary, "wb") as copy:
                            shutil.copyfileobj(source, copy)
                        with suppress(OSError):  # a drive that keeps no such marks
                            shutil.copystat(path, temporary)
        except OSError as error:
            if error.filename != path:  # the copy, not the photograph
                raise
            refused.append((path, error.strerror))
    return refused


def _link(path, target):
    try:
        os.symlink(os.path.abspath(path), target)
    except (OSError, NotImplementedError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(
            f"links cannot be made in {target.parent} ({reason}): use --copy-to instead."
        ) from None
