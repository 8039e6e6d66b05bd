"""What libraries write past Python, kept from who reads a command's output."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
from collections.abc import Iterator


@contextlib.contextmanager
def unheard() -> Iterator[list[str]]:
    """Keep what C++ code writes to standard output and error: its lines, once the block ends."""
    lines: list[str] = []
    with contextlib.ExitStack() as stack:
        written = stack.enter_context(tempfile.TemporaryFile())
        for number, stream in ((1, sys.stdout), (2, sys.stderr)):
            with contextlib.suppress(AttributeError, OSError, ValueError):
                stream.flush()
                kept = os.dup(number)
                stack.callback(os.close, kept)
                os.dup2(written.fileno(), number)
                stack.callback(os.dup2, kept, number)
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        try:
            yield lines
        finally:
            written.seek(0)
            lines.extend(written.read().decode("utf-8", "replace").splitlines())
