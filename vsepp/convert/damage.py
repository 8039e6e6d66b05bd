"""Damage in other people's files, told as one sentence."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from vsepp.system.errors import InputError


@contextmanager
def damage_reported(path: str | Path) -> Iterator[None]:
    """Whatever other values than the expected ones do in the block is the file's fault."""
    try:
        yield
    except InputError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise InputError(
            f"{path} is damaged, or of another program ({reason}): give the file as it was saved."
        ) from None
