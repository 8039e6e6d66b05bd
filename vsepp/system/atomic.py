"""Writing files so that a crash leaves the old one or the new one, whole.

Every write goes aside into the same folder, is flushed to the disk, and is then
renamed over its destination.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

TEMPORARY_SUFFIX = ".writing"


def sync_folder(folder: str | os.PathLike[str]) -> None:
    """Flush a folder's entries, so that a rename in it survives a power cut."""
    if os.name == "nt":  # Windows cannot open a folder for this, and does not need it
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Let an error of the system that names no file, as those of a write, name ``path``."""
    try:
        yield
    except OSError as error:
        if error.filename is not None or error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def write_all(file: IO[bytes], data: bytes | memoryview) -> None:
    """Write bytes, or an array's ``data``, to an unbuffered file, which may take a part at a time.

    On a nearly full disk a write takes what there is room for; only the next one fails.
    """
    rest = memoryview(data).cast("B")
    while rest:
        rest = rest[file.write(rest) :]


@contextmanager
def atomic_path(path: str | os.PathLike[str], sync: bool = True) -> Iterator[Path]:
    """Yield a temporary path; when the block succeeds, it becomes ``path``.

    The missing parent folders are made. When the block raises, the temporary file
    is removed and whatever stood at ``path`` before is untouched. The temporary name
    depends on ``path`` alone, so that what a killed process left behind is
    removed by the next write rather than kept for ever.

    Args:
        path: destination file.
        sync: wait for the disk. Without, a power cut can leave the file empty: for the
            many small files of a data set, which can be made again.

    Yields:
        pathlib.Path: where to write. Its parent is the parent of ``path``.

    Raises:
        OSError: naming ``path``, when it cannot be written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".{path.name}{TEMPORARY_SUFFIX}"
    try:
        # Removed rather than written over: as a hard link it would change another file.
        temporary.unlink(missing_ok=True)
        yield temporary
        if sync:
            _sync_file(temporary)
        os.replace(temporary, path)
        if sync:
            sync_folder(path.parent)
    except BaseException as error:
        try:
            temporary.unlink()
        except OSError:
            pass
        if isinstance(error, OSError) and error.filename in (None, str(temporary), temporary):
            raise OSError(error.errno, error.strerror or str(error), str(path)) from error
        raise


def check_writable(path: str | os.PathLike[str]) -> None:
    """Find out whether ``path`` can be written, before what takes long; nothing is left there.

    Raises:
        OSError: naming ``path``, when it cannot be written.
    """

    class _Enough(Exception):
        pass

    try:
        with atomic_path(path) as temporary:
            temporary.touch()
            raise _Enough
    except _Enough:
        pass


def write_together(contents: Mapping[Path, Any], between: Callable[[], object]) -> None:
    """Write JSON files that belong together: all aside, then all renamed.

    Args:
        contents: ``{path: value}``.
        between: called when everything is written and nothing renamed.
    """
    with ExitStack() as files:
        for path, value in contents.items():
            temporary = files.enter_context(atomic_path(path))
            with naming(path):
                temporary.write_text(_as_json(value), encoding="utf-8")
                _sync_file(temporary)
        between()


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write ``data`` (bytes) to ``path`` atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write ``text`` to ``path`` atomically, as UTF-8."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: str | os.PathLike[str], value: Any, indent: int | None = None) -> None:
    """Write ``value`` to ``path`` atomically, as UTF-8 JSON."""
    write_text(path, _as_json(value, indent))


def _as_json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent) + "\n"
