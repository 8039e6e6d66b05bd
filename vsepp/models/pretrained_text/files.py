"""Files of a folder that was fetched from a hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vsepp.system.errors import InputError
from vsepp.system.git_lfs import POINTER
from vsepp.system.json_files import read_json

_AGAIN = "fetch the folder again"


def check_is_there(path: Path) -> Path:
    """``path`` again; InputError where git has left a pointer to the file in its place."""
    try:
        with path.open("rb") as file:
            start = file.read(len(POINTER))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}).") from None
    if start == POINTER:
        raise InputError(
            f"{path} is not the file but git-LFS's pointer to it: run `git lfs pull` in its "
            "folder, or download the file itself."
        )
    return path


def read_json_file(path: Path) -> dict[str, Any]:
    """The object in a JSON file; InputError where there is none."""
    content = read_json(check_is_there(path), _AGAIN)
    if not isinstance(content, dict):
        raise InputError(f"{path} holds no JSON object: {_AGAIN}.")
    return content


def read_text_file(path: Path) -> str:
    """The text in a UTF-8 file; InputError where there is none."""
    try:
        return check_is_there(path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8: {_AGAIN}.") from None
