"""What a visitor may send: how large, how long, and which kinds of files.

Every violation is an ``InputError``, whose sentence the page shows.
"""

import math
import os
import stat

from vsepp.data.images import image_size, open_image
from vsepp.system.errors import InputError

MAX_MEGABYTES = 20
MAX_BYTES = MAX_MEGABYTES * 2**20
MAX_ASPECT = 10  # a photograph's longer side to its shorter one
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF")

MAX_CHARACTERS = 300
MAX_WORDS = 50
MAX_LABELS = 30
MAX_LABEL_CHARACTERS = 60
MAX_ANSWERS = 50


def check_sentence(text):
    """The sentence of a query, on one line.

    Raises:
        InputError: when it is empty or too long.
    """
    text = _one_line(text)
    if not text:
        raise InputError("There is nothing to look for: type a sentence.")
    if len(text) > MAX_CHARACTERS or len(text.split()) > MAX_WORDS:
        raise InputError(
            f"The sentence has {len(text.split())} words and {len(text)} characters: "
            f"{MAX_WORDS} words and {MAX_CHARACTERS} characters are the most."
        )
    return text


def read_labels(text):
    """Labels as people type them: one per line, or separated by commas.

    Returns:
        list of str, each once.

    Raises:
        InputError: when there are fewer than two, too many, or one is too long.
    """
    text = text if isinstance(text, str) else ""
    longest = (
        MAX_LABELS * 2 * (MAX_LABEL_CHARACTERS + 1)
    )  # a text beyond it is not even cut into labels
    if len(text) > longest:
        raise InputError(
            f"The labels have {len(text)} characters: {MAX_LABELS} labels of "
            f"{MAX_LABEL_CHARACTERS} characters are the most."
        )
    for comma in ",\uff0c\u3001;\uff1b":  # and the marks of Chinese
        text = text.replace(comma, "\n")
    labels = list(dict.fromkeys(filter(None, map(_one_line, text.splitlines()))))
    if len(labels) < 2:
        raise InputError(
            "Give at least two different labels, one per line or with commas between them."
        )
    if len(labels) > MAX_LABELS:
        raise InputError(f"There are {len(labels)} labels: {MAX_LABELS} are the most.")
    for label in labels:
        if len(label) > MAX_LABEL_CHARACTERS:
            raise InputError(
                f"The label {label[:20]!r}… has {len(label)} characters: "
                f"{MAX_LABEL_CHARACTERS} are the most."
            )
    return labels


def check_count(count, most=MAX_ANSWERS):
    """How many answers are wanted, as an int.

    Raises:
        InputError: when it is no whole number from 1 to ``most``.
    """
    number = isinstance(count, (int, float)) and not isinstance(count, bool)
    if not number or not math.isfinite(count) or count != int(count) or not 1 <= count <= most:
        raise InputError(f"The number of answers must be from 1 to {most}.")
    return int(count)


def check_place(place, count):
    """The place of a photograph among ``count``, as an int.

    Raises:
        InputError: when it is none of them.
    """
    number = isinstance(place, (int, float)) and not isinstance(place, bool)
    if not number or not math.isfinite(place) or place != int(place) or not 0 <= place < count:
        raise InputError("There is no such photograph: click one that was found.")
    return int(place)


def uploaded_file(upload, folder):
    """Where a picture lies that a visitor has uploaded.

    Args:
        upload: what the browser says of it: a dictionary with ``path``.
        folder: where uploads are put; nothing outside it is opened, whatever ``path`` says.

    Raises:
        InputError: when there is none, or it was not uploaded here.
    """
    if upload is None:
        raise InputError("There is no picture: upload one, paste one, or click an example.")
    path = upload.get("path") if isinstance(upload, dict) else None
    if not isinstance(path, str) or "\0" in path:
        raise InputError("This is no uploaded picture: upload one.")
    folder, path = os.path.realpath(folder), os.path.realpath(path)
    if os.path.commonpath([folder, path]) != folder:
        raise InputError("This is no uploaded picture: upload one.")
    return path


def open_upload(path, at_least=None):
    """Decode a stranger's picture: upright, RGB.

    Args:
        path: the file. Its name says nothing; its content decides what it is.
        at_least: as ``vsepp.data.images.open_image`` takes it.

    Raises:
        InputError: when it is gone, too large, too long and narrow, no JPEG, PNG, WebP, BMP or
            GIF, or damaged. The sentence does not tell where it lay.
    """
    try:
        found = os.stat(path)
    except OSError:
        raise InputError("The picture is no longer here: upload it again.") from None
    if not stat.S_ISREG(found.st_mode):
        raise InputError("This is no uploaded picture: upload one.")
    if found.st_size > MAX_BYTES:
        raise InputError(
            f"The picture has {found.st_size / 2**20:.0f} MB: {MAX_MEGABYTES} MB are the most."
        )
    try:
        width, height = image_size(path, FORMATS)
        if max(width, height) > MAX_ASPECT * min(width, height):
            raise InputError(
                f"The picture is {width} × {height} pixels: its longer side may be at "
                f"most {MAX_ASPECT} times as long as the shorter one."
            )
        return open_image(path, exif=True, at_least=at_least, formats=FORMATS)
    except InputError as error:
        raise InputError(str(error).replace(str(path), "The picture")) from None


def _one_line(text):
    """Printable text with single blanks; what is no text at all becomes empty."""
    if not isinstance(text, str):
        return ""
    kept = "".join(
        " " if letter.isspace() else letter
        for letter in text
        if letter.isspace() or letter.isprintable()
    )
    return " ".join(kept.split())
