"""Files that hold one thing a line, such as sentences to search for."""

from vsepp.data.captions.text import decode, lines_of
from vsepp.system.errors import InputError


def read_lines(path, option):
    """The lines of a text file, stripped, without those that are blank.

    Args:
        path: the file.
        option: what it was given with, for messages.

    Returns:
        (list of str, list of remarks on the file)

    Raises:
        InputError: when it cannot be read, or holds nothing.
    """
    if not path:
        raise InputError(f"{option} names no file: give it the name of a text file.")
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        raise InputError(f"{path} does not exist: give {option} the name of a text file.") from None
    except (IsADirectoryError, PermissionError):  # Windows says the latter of a folder
        raise InputError(
            f"{path} cannot be read as a file: give {option} the name of a text file."
        ) from None
    text, encoding = decode(data, path)
    if "\0" in text:
        number = text[: text.index("\0")].count("\n") + 1
        raise InputError(f"{path} holds a zero byte in line {number}: save it as text in UTF-8.")
    remarks = [f"{path}: read as {encoding}"] if encoding else []
    lines = [line.strip() for line in lines_of(text)]
    if not lines[-1]:  # what stands behind the last line's end
        lines.pop()
    kept = [line for line in lines if line]
    if not kept:
        raise InputError(f"{path} is empty: write one line for each, and give it to {option}.")
    if len(kept) < len(lines):
        remarks.append(f"{path}: {counted(len(lines) - len(kept), 'blank line')} left out")
    return kept, remarks


def counted(number, what):
    """A number of things: ``1 blank line``, ``1,200 photographs``."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
