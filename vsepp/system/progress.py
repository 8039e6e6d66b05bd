"""Progress bars on long work."""

import sys

from tqdm import tqdm


def progress(iterable=None, description=None, total=None, unit="it", initial=0, **options):
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
