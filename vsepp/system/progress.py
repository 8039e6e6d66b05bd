"""Progress bars on long work."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm


def progress(
    iterable: Iterable | None = None,
    description: str | None = None,
    total: int | None = None,
    unit: str = "it",
    initial: int = 0,
    **options: Any,
) -> tqdm:
    """A tqdm bar on standard error; a line now and then where that is not a terminal."""
    interactive = sys.stderr.isatty()
    return tqdm(
        iterable,
        desc=description,
        total=total,
        unit=unit,
        initial=initial,
        dynamic_ncols=interactive,
        mininterval=0.2 if interactive else 15,
        leave=options.pop("leave", True),
        **options,
    )
