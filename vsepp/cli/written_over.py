"""Files that a command reads are not those that it writes."""

from pathlib import Path

from vsepp.system.errors import InputError


def check_not_read(written, read, option):
    """InputError where a file that is to be written is one of those that are read, by any name.

    Args:
        written: its path.
        read: paths, or None for what is not given.
        option: with which another path is given.
    """
    path = Path(written)
    for name in filter(None, read):
        if path.exists() and Path(name).exists() and path.samefile(name):
            raise InputError(
                f"{written} is read, and would be written over: give another file with {option}."
            )
