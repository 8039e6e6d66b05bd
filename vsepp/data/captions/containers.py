"""A folder or an archive that may hold captions, beside photographs or alone."""

from __future__ import annotations

from pathlib import Path
from typing import Optional, Union

from vsepp.data.captions.caption_file import CaptionFile
from vsepp.data.sources.archive_kinds import is_archive
from vsepp.data.sources.image_sources import open_files
from vsepp.data.sources.name_encodings import ENCODINGS, in_encoding
from vsepp.data.sources.passed_over import is_passed_over
from vsepp.system.errors import InputError
from vsepp.system.invocation import quoted


def is_container(path: Path) -> bool:
    """Whether there is a folder or an archive, rather than a file of captions."""
    return path.is_dir() or is_archive(path)


class Container:
    """A folder or an archive, as the names of the files below it. Use it as a context manager.

    Args:
        path: where it is.
        of_images: whether it is given with --images, and not with --captions.

    Attributes:
        path: where it is.
        names: of the files in it, with forward slashes; what is hidden or a system's is not there.
        refused: ``{name: sentence}`` of the files that were looked into and hold no captions.

    Raises:
        InputError: when it is missing, damaged or neither.
    """

    def __init__(self, path: Union[str, Path], of_images: bool = False) -> None:
        self.path, self._of_images = Path(path), of_images
        self._files = open_files(self.path)
        self.refused: dict[str, str] = {}
        self.names = [
            name for name in self._files.sizes if not any(map(is_passed_over, name.split("/")))
        ]

    def __enter__(self) -> Container:
        return self

    def __exit__(self, *exception: object) -> None:
        self._files.__exit__(*exception)

    def open(self, name: str) -> CaptionFile:
        """One of its files as a ``CaptionFile``."""
        if self.path.is_dir():
            return CaptionFile(self.path / name)
        return CaptionFile(name, f"{name} in {self.path}", self._files.read(name))

    def given_as(self, name: str) -> str:
        """What --captions calls one of its files: its name alone where --images gives the place."""
        return quoted(name if self._of_images else self.path / name)

    def _spellings(self, name: str) -> list[str]:
        """A name as it is listed, and as it reads in other encodings where none is declared."""
        data = self._files.undeclared.get(name)
        others = [in_encoding(data, encoding) for encoding in ENCODINGS] if data else []
        return [name, *filter(None, others)]

    def called(self, name: str) -> Optional[CaptionFile]:
        """The file in it whose path ends in a name, or None; InputError when several do."""
        found = [
            one
            for one in self.names
            if any(f"/{spelling}".endswith(f"/{name}") for spelling in self._spellings(one))
        ]
        if name in found:
            found = [name]
        if len(found) > 1:
            raise InputError(
                f"{self.path} holds {len(found)} files called {name}: give --captions the whole "
                f"path in it, such as {self.given_as(found[0])}."
            )
        return self.open(found[0]) if found else None
