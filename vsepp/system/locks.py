"""One process at a time: a lock on a file that the system lets go of when its holder ends."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vsepp.system.errors import InputError

_TAKEN = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
_held: set[int] = set()  # descriptors of the locks of this process


def _let_go_in_child() -> None:
    """A worker that outlives its parent for a moment must not keep the parent's locks."""
    while _held:
        os.close(_held.pop())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go_in_child)


def _lock(descriptor: int) -> None:
    """Take the lock of an open file at once, or raise OSError."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _open_locked(path: str | Path, refusal: str) -> int:
    """Open the file ``path`` and take its lock; returns the descriptor."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _lock(descriptor)
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                return descriptor
        except FileNotFoundError:  # its holder removed it after it was opened here
            pass
        except OSError as error:
            os.close(descriptor)
            if error.errno in _TAKEN:
                raise InputError(refusal) from None
            raise InputError(
                f"{path} cannot be locked ({error.strerror}): choose a folder on another disk."
            ) from None
        os.close(descriptor)


@contextmanager
def only_one(path: str | Path, refusal: str) -> Iterator[None]:
    """Hold the lock of the file ``path`` while the block runs.

    The file is made, and removed in the end. A crash may leave it, but not the lock on it, which
    is what counts.

    Args:
        path: the file; its folder is made.
        refusal: the sentence for whoever comes second.

    Raises:
        InputError: when another process holds it, or the file system knows no locks.
    """
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    descriptor = _open_locked(path, refusal)
    _held.add(descriptor)
    try:
        yield
    finally:
        if descriptor in _held:  # a forked child let go of it, the parent still holds it
            _held.discard(descriptor)
            try:
                os.unlink(path)
            except OSError:  # Windows removes no file that is open
                pass
            os.close(descriptor)  # and with it the lock


def tidy(path: str | Path) -> None:
    """Remove the file that :func:`only_one` makes, where a crash has left it."""
    if os.path.exists(path):
        try:
            with only_one(path, "somebody holds it"):
                pass
        except (InputError, OSError):
            pass
