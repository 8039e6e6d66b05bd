"""What a photograph's file may end in, and which of these its first bytes ask for."""

from __future__ import annotations

from typing import Optional

# A file of one of these is opened, and its content decides what it is.
OPENED_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".jfi", ".jif", ".pjpeg", ".pjp", ".mpo"),
    *(".png", ".apng", ".webp", ".bmp", ".dib", ".gif", ".tif", ".tiff"),
    *(".ppm", ".pgm", ".pbm", ".pnm", ".avif", ".heic", ".heif", ".hif"),
)
_IMAGE_SUFFIXES = frozenset((*OPENED_SUFFIXES, ".jp2", ".jxl"))
_STARTS = (
    (b"\xff\xd8\xff", ".jpg"),
    (b"\x89PNG\r\n", ".png"),
    (b"GIF8", ".gif"),
    (b"BM", ".bmp"),
    (b"II*\0", ".tif"),
    (b"MM\0*", ".tif"),
)


def has_image_suffix(name: str) -> bool:
    """Whether a name, without blanks around it, ends as a photograph's does.

    >>> has_image_suffix("1000001_aa"), has_image_suffix("v1.5"), has_image_suffix("A.JPG")
    (False, False, True)
    """
    name = name.strip()
    dot = name.rfind(".")  # a path object would take its time over hundreds of thousands
    return dot > name.rfind("/") + 1 and name[dot:].lower() in _IMAGE_SUFFIXES


def suffix_of_content(start: Optional[bytes]) -> Optional[str]:
    """The suffix that a file's first 16 bytes ask for; None when they are no photograph's."""
    start = start or b""
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return ".webp"
    if start[4:8] == b"ftyp":
        return ".avif" if start[8:11] == b"avi" else ".heic"
    return next((suffix for mark, suffix in _STARTS if start.startswith(mark)), None)
