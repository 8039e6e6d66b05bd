"""A file that may hold captions, on disk or in an archive, read as far as is needed."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Optional, Union

from vsepp.data.captions.columns import has_columns
from vsepp.system.errors import InputError
from vsepp.system.text_files import decode, lines_of

_HEAD = 1 << 17  # what recognition looks at; larger files are read whole once it is sure


class CaptionFile:
    """A file that may hold captions.

    Args:
        path: where it is, or what it is called in an archive.
        source: what messages call it; the path when it is left out.
        content: its bytes, when they are not to be read from the path.

    Attributes:
        source: what messages call it.
        name: file name without folders.
        stem: the name without its suffix.
        folder: name of the folder that it lies in.
    """

    def __init__(
        self, path: Union[str, Path], source: Optional[str] = None, content: Optional[bytes] = None
    ) -> None:
        self.path = path
        self.source = str(path) if source is None else source
        pure = Path(path) if content is None else PurePosixPath(path)
        self.name, self.stem, self.folder = pure.name, pure.stem, pure.parent.name
        self._content = content

    def __repr__(self):
        return f"CaptionFile({self.source!r})"

    @functools.cached_property
    def head(self) -> bytes:
        """The first bytes."""
        return self._content[:_HEAD] if self._content is not None else self._read(_HEAD)

    @property
    def tail(self) -> bytes:
        """The last bytes."""
        return self._content[-_HEAD:] if self._content is not None else self._read(_HEAD, True)

    @functools.cached_property
    def data(self) -> bytes:
        """All bytes."""
        return self._content if self._content is not None else self._read(-1)

    def _read(self, most, from_end=False):
        try:
            with open(self.path, "rb") as file:
                if from_end:
                    file.seek(max(0, os.path.getsize(self.path) - most))
                return file.read(most)
        except FileNotFoundError:
            raise InputError(f"{self.path} does not exist: check --captions.") from None
        # Windows says PermissionError of a folder; ValueError is a name with a zero in it.
        except (IsADirectoryError, NotADirectoryError, PermissionError, ValueError):
            raise InputError(f"{self.path} cannot be read as a file: check --captions.") from None

    @functools.cached_property
    def _decoded(self):
        return decode(self.data, self.source)

    @property
    def text(self) -> str:
        return self._decoded[0]

    @property
    def encoding(self) -> Optional[str]:
        """Name of the encoding, where it is not UTF-8."""
        return self._decoded[1]

    @functools.cached_property
    def sample(self) -> list[tuple[int, str]]:
        """Its first lines that are not blank, as ``[(line number, text)]``, whole ones alone."""
        if len(self.head) < _HEAD:
            text, all_lines = self.text, True
        else:
            text, all_lines = decode(self.head, self.source, whole=False)[0], False
        lines = lines_of(text)
        if not all_lines and len(lines) > 1:
            lines.pop()
        return [(number, line) for number, line in enumerate(lines, 1) if line.strip()]

    def lines(self) -> Iterator[tuple[int, str]]:
        """Yield (line number, text) of the lines that are not blank."""
        for number, line in enumerate(lines_of(self.text), 1):
            if line.strip():
                yield number, line

    @property
    def begins_as_json(self) -> bool:
        return bool(self.sample) and self.sample[0][1].lstrip()[0] in "[{"

    @functools.cached_property
    def _first_line_as_json(self):
        """(what its first line holds, ) or () when that is no JSON value of its own."""
        try:
            return (json.loads(self.sample[0][1]),)
        except (ValueError, RecursionError):
            return ()

    @functools.cached_property
    def is_json_lines(self) -> bool:
        """Whether its first line is a JSON value of its own, an object or one of several."""
        if not (self.begins_as_json and self._first_line_as_json):
            return False
        (first,) = self._first_line_as_json
        if len(self.sample) > 1:
            return True
        if not isinstance(first, dict) or {"images", "annotations"} & set(first):
            return False
        return has_columns(first) and any(isinstance(one, (str, int)) for one in first.values())

    @functools.cached_property
    def document(self) -> Any:
        """What it holds as one JSON document."""
        if len(self.sample) == 1 and len(self.head) < _HEAD and self._first_line_as_json:
            return self._first_line_as_json[0]
        try:
            return json.loads(self.text)
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"{self.source} is not JSON ({error}): mend it there, or fetch it again."
            ) from None
