"""A folder or an archive that may hold captions, beside photographs or alone."""

from __future__ import annotations

from pathlib import Path
from typing import Optional, Union

from vsepp.data.captions.caption_file import CaptionFile
from vsepp.data.image_sources import open_files
from vsepp.data.passed_over import is_passed_over
from vsepp.system.errors import InputError


class Container:
    """A folder or an archive, as the names of the files below it. Use it as a context manager.

    Attributes:
        path: where it is.
        names: of the files in it, with forward slashes; what is hidden or a system's is not there.
        refused: ``{name: sentence}`` of the files that were looked into and hold no captions.

    Raises:
        InputError: when it is missing, damaged or neither.
    """

    def __init__(self, path: Union[str, Path]) -> None:
        self.path = Path(path)
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

    def called(self, name: str) -> Optional[CaptionFile]:
        """The file in it whose path ends in a name, or None; InputError when several do."""
        found = [one for one in self.names if one == name or one.endswith(f"/{name}")]
        if len(found) > 1:
            raise InputError(
                f"{self.path} holds {len(found)} files called {name}: give --captions the whole "
                f"path in it, such as {found[0]}."
            )
        return self.open(found[0]) if found else None
