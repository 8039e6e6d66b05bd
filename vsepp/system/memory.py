"""What becomes of memory that was freed: by itself the C library keeps much of it.

Each function does something where the C library is glibc, and nothing elsewhere.
"""

from __future__ import annotations

import ctypes
import sys

# Of mallopt(3):
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8


def keep_freed() -> None:
    """Keep what is freed, up to 256 MB at the heap's end, for what is needed next, from now on.

    By itself glibc asks the system for each large block anew and hands it back when it is
    freed. Work that needs the same blocks again and again, as a network does batch by batch,
    then spends a sixth of its time on the system's clearing of pages.
    """
    _call("mallopt", _M_MMAP_THRESHOLD, 1 << 30)
    _call("mallopt", _M_TRIM_THRESHOLD, 1 << 28)


def return_large_blocks() -> None:
    """Let large blocks go back to the system as soon as they are freed, from now on.

    By itself glibc keeps blocks of up to 32 MB in a heap, where what one step leaves and the next
    one needs do not fit together: the peak of training is half as high again.
    """
    _call("mallopt", _M_MMAP_THRESHOLD, 1 << 20)
    _call("mallopt", _M_TRIM_THRESHOLD, 1 << 17)


def share_heaps(count: int) -> None:
    """Let all threads share a number of heaps, which may be too late once there are threads.

    By itself glibc gives each thread its own, up to eight for each processor core; what was
    freed in one is of no use to the others.
    """
    _call("mallopt", _M_ARENA_MAX, count)


def return_freed() -> None:
    """Give freed pages of every heap back to the system, once."""
    _call("malloc_trim", 0)


def peak_memory() -> int:
    """The most memory that this process has had, in bytes; 0 where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def _call(name: str, *numbers: int) -> None:
    try:
        function = getattr(ctypes.CDLL("libc.so.6"), name)
    except (OSError, AttributeError):
        return
    function(*numbers)
