"""One process at a time: a lock on a file that the system lets go of when its holder ends."""

import errno
import os
from contextlib import contextmanager

from vsepp.errors import InputError

_TAKEN = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)


def _lock(descriptor):
    """Take the lock of an open file at once, or raise OSError."""
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def only_one(path, refusal):
    """Hold the lock of the file ``path`` while the block runs.

    The file is made when it is missing and stays; it is the lock on it that counts, and no crash
    leaves that behind.

    Args:
        path: the file.
        refusal: the sentence for whoever comes second.

    Raises:
        InputError: when another process holds it, or the file system knows no locks.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            _lock(descriptor)
        except OSError as error:
            if error.errno in _TAKEN:
                raise InputError(refusal) from None
            raise InputError(f"{path} cannot be locked ({error.strerror}): choose a folder on "
                             "another disk.") from None
        yield
    finally:
        os.close(descriptor)  # which lets go of the lock
