"""Lines that a library writes past Python, of which some mean nothing to who reads them."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator


@contextlib.contextmanager
def without_lines(text: str) -> Iterator[None]:
    """Leave out lines with ``text`` in them of what is written to standard error in the block.

    What is written by C++ code is meant, which no ``sys.stderr`` sees. The other lines follow when
    the block ends. Where there is no standard error, nothing is done.
    """
    try:
        sys.stderr.flush()
        kept = os.dup(2)
    except (AttributeError, OSError, ValueError):
        yield
        return
    try:
        with tempfile.TemporaryFile() as written:
            os.dup2(written.fileno(), 2)
            try:
                yield
            finally:
                sys.stderr.flush()
                os.dup2(kept, 2)
                written.seek(0)
                for line in written:
                    if text.encode() not in line:
                        os.write(2, line)
    finally:
        os.close(kept)
