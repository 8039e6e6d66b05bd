"""Photographs in a text file, a number, a tab and the file in base64 to a line.

Chinese-CLIP and MUGE hand out their ``*_imgs.tsv`` so: gigabytes, read line by line.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Optional

from vsepp.data.image_suffixes import has_image_suffix, suffix_of_content
from vsepp.system.atomic import atomic_path
from vsepp.system.errors import InputError
from vsepp.system.progress import progress

# Both alphabets of base64, of which one has + and /, the other - and _.
_LINE = re.compile(
    rb"([^\t\r\n]{1,1000})\t *[\"']?(?:data:image/[\w.+-]+;base64,)?"
    rb"([A-Za-z0-9+/_-]{12,}=*)[\"']?\s*"
)
_START = 1200  # bytes of a line that tell whether it is one
_LONGEST = 1 << 28  # bytes of a line; no photograph needs more
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")


class _Place(NamedTuple):
    """Where a photograph lies: the line, the offset of its base64 and how long that is."""

    line: int
    start: int
    length: int


def is_base64_table(path: Path) -> bool:
    """Whether a path is of a file that begins like a table of photographs in base64."""
    if not path.is_file():
        return False
    with open(path, "rb") as file:
        return begins_as_base64_table(file.read(_START))


def begins_as_base64_table(start: bytes) -> bool:
    """Whether a file that begins so is a table of photographs in base64."""
    match = _LINE.match(start[:_START].lstrip(b"\xef\xbb\xbf"))
    return bool(match and suffix_of_content(_decoded(match[2][:64])))


class Base64Table:
    """An open table of photographs. Use it as a context manager.

    Attributes:
        path: the file.
        sizes: ``{number and the suffix of what it is: bytes}``, in the order of the lines.
        undeclared: empty; the names are the table's own.

    Raises:
        InputError: naming the line that is no number, tab and base64.
    """

    undeclared: Mapping[str, bytes] = {}

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.sizes: dict[str, int] = {}
        self._places: dict[str, _Place] = {}
        self._file = open(self.path, "rb")
        try:
            self._list()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Base64Table:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()

    def extract(self, targets: Mapping[str, Path], description: str) -> None:
        """Write photographs to files, each whole or not at all.

        Args:
            targets: ``{name: path of the file}``.
            description: what the progress bar says.
        """
        names = sorted(targets, key=lambda name: self._places[name].start)
        for name in progress(names, description, unit=" files"):
            place = self._places[name]
            self._file.seek(place.start)
            data = _decoded(self._file.read(place.length))
            if data is None:
                raise InputError(
                    f"{self.path}, line {place.line}: its base64 is broken: fetch the file again."
                )
            with atomic_path(targets[name], sync=False) as temporary:
                temporary.write_bytes(data)

    def _list(self) -> None:
        total = self.path.stat().st_size
        with progress(
            total=total,
            description=f"Listing {self.path.name}",
            unit="B",
            unit_scale=True,
            leave=False,
            delay=1,
        ) as bar:
            number = offset = 0
            while line := self._file.readline(_LONGEST):
                number += 1
                self._add(number, offset, line)
                offset += len(line)
                bar.update(len(line))

    def _add(self, number: int, offset: int, line: bytes) -> None:
        mark = len(line) - len(line.lstrip(b"\xef\xbb\xbf")) if number == 1 else 0
        if not line[mark:].strip():
            return
        match = _LINE.fullmatch(line, mark)
        try:
            name = match[1].decode().strip() if match else ""
        except UnicodeDecodeError:
            name = ""
        if not match or not name:
            raise InputError(
                f"{self.path}, line {number} is not a number, a tab and a photograph in base64: "
                "fetch the file again."
            )
        if not has_image_suffix(name):
            name += suffix_of_content(_decoded(match[2][:64])) or ""
        digits = len(match[2].rstrip(b"="))
        self.sizes[name] = digits * 3 // 4
        self._places[name] = _Place(number, offset + match.start(2), len(match[2]))


def _decoded(text: bytes) -> Optional[bytes]:
    """What base64 in either alphabet, padded or not, stands for; None when it is broken."""
    digits = text.translate(_TO_STANDARD).rstrip(b"=")
    try:
        return base64.b64decode(digits + b"=" * (-len(digits) % 4), validate=True)
    except binascii.Error:
        return None
