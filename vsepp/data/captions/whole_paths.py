"""File names that are whole paths, as programs that label photographs write them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Optional

_WHOLE = re.compile(r"[A-Za-z]:/|/")


def _plain(name):
    return re.sub("/+", "/", name.strip().replace("\\", "/"))


def common_folder(names: Iterable[str]) -> Optional[str]:
    """The folder that all names lie in when every one is a whole path, or None.

    Names that lead back out of a folder (``..``) are none.

    >>> common_folder(["/home/me/a/1.jpg", "/home/me/b/1.jpg"]), common_folder(["a/1.jpg"])
    ('/home/me/', None)
    """
    common = None
    for name in map(_plain, names):
        if not _WHOLE.match(name) or ".." in name.split("/"):
            return None
        folder = name[: name.rfind("/") + 1]
        if common is None or common.startswith(folder):
            common = folder
        while not folder.startswith(common):
            common = common[: common.rfind("/", 0, -1) + 1]
            if not common:  # on two drives
                return None
    return common


def below(name: str, folder: str) -> str:
    """A name relative to the ``common_folder`` that it lies in."""
    return _plain(name)[len(folder) :]
