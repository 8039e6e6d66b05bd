"""Files that hold one thing a line, such as sentences to search for."""

from vsepp.system.errors import InputError


def read_lines(path, option):
    """The lines of a text file, stripped, and how many of them are blank and left out.

    Args:
        path: the file.
        option: what it was given with, for messages.

    Returns:
        (list of str, how many were blank)

    Raises:
        InputError: when it cannot be read, or holds nothing.
    """
    try:
        with open(path, "rb") as file:
            text = file.read().decode("utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path} does not exist: give {option} the name of a text file.") from None
    except (IsADirectoryError, PermissionError):  # Windows says the latter of a folder
        raise InputError(
            f"{path} cannot be read as a file: give {option} the name of a text file."
        ) from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 ({error.reason}): save the file as UTF-8.") from None
    lines = [line.strip() for line in text.splitlines()]
    kept = [line for line in lines if line]
    if not kept:
        raise InputError(f"{path} is empty: write one line for each, and give it to {option}.")
    return kept, len(lines) - len(kept)


def counted(number, what):
    """A number of things: ``1 blank line``, ``1,200 photographs``."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
