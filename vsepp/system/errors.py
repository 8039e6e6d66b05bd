"""The one exception that means "what was given is wrong", as opposed to a bug."""

from __future__ import annotations

import errno


class InputError(ValueError):
    """A file, key or value that the user gave cannot be used.

    The message is one sentence (two at most) that names the file or key, says what
    is wrong with it, and gives the command or value that mends it. The tools print
    it and exit with status 2; any other exception keeps its traceback.
    """


def memory_exhausted(error: BaseException) -> bool:
    """Whether an exception says that the memory of the machine or its GPU is exhausted."""
    return (
        isinstance(error, MemoryError)
        or getattr(error, "errno", None) == errno.ENOMEM
        or "ResourceExhausted" in str(error)
        or "out of memory" in str(error).lower()
    )
