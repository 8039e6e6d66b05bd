"""What a file of pixels is, told from its first bytes whatever it is called."""

from __future__ import annotations

import functools

HEAD_BYTES = 64

_VIDEO = "a video"
_RAW = "a camera's raw photograph"
# What a file of the ISO's container (a box ``ftyp``, then brands) holds, by brand.
_BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), "an AVIF photograph"),
    **dict.fromkeys(
        (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs"),
        "a HEIC photograph",
    ),
    b"crx ": _RAW,
}
_GENERAL_BRANDS = {b"mif1", b"msf1", b"mif2"}  # of pictures; the brands after it say which
_STARTS = (
    (b"\xff\x0a", "a JPEG XL photograph"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL photograph"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 photograph"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 photograph"),
    (b"FUJIFILMCCD-RAW", _RAW),
    (b"IIU\0", _RAW),
    (b"IIRO", _RAW),
    (b"IIRS", _RAW),
    (b"FOVb", _RAW),
    (b"8BPS", "a Photoshop file"),
    (b"%PDF", "a PDF document"),
    (b"\x1a\x45\xdf\xa3", _VIDEO),
)
_HEIF = ("a HEIC photograph", "a HEIF photograph")


def kind_of(head: bytes) -> str | None:
    """What the first ``HEAD_BYTES`` bytes of a file say it is; None of all that is not here.

    >>> kind_of(b"\\0\\0\\0\\x18ftypheic\\0\\0\\0\\0mif1heic")
    'a HEIC photograph'
    """
    if head[4:8] == b"ftyp":
        length = int.from_bytes(head[:4], "big")
        major = head[8:12]
        brands = [major]
        if major in _GENERAL_BRANDS:
            brands += [head[at : at + 4] for at in range(16, min(length, len(head)), 4)]
        named = next((_BRANDS[brand] for brand in brands if brand in _BRANDS), None)
        return named or ("a HEIF photograph" if major in _GENERAL_BRANDS else _VIDEO)
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return _VIDEO
    return next((kind for start, kind in _STARTS if head.startswith(start)), None)


def decoder_of(kind: str | None) -> str | None:
    """Pillow's name of a format that is read only where its decoder is installed, made ready;
    None where it is not, or where the kind is none of these."""
    if kind == "an AVIF photograph" and _avif_is_read():
        return "AVIF"
    if kind in _HEIF and _heif_is_read():
        return "HEIF"
    return None


def mend_of(kind: str, installable: bool = True) -> str:
    """How to go on with a file that is of this kind and not read.

    Args:
        kind: what :func:`kind_of` said.
        installable: whether whoever reads it can install a decoder.
    """
    if kind in _HEIF and installable:
        return ", which needs pillow-heif: run `pip install pillow-heif`, or export it as JPEG"
    if kind == "an AVIF photograph" and installable:
        return (
            ", which needs Pillow 11.3 or later: run `pip install -U pillow`, or export it as JPEG"
        )
    if kind == _VIDEO:
        return ", not a photograph: save one of its pictures as JPEG"
    return ", which is not read: export it as JPEG"


@functools.lru_cache(maxsize=None)
def _avif_is_read() -> bool:
    from PIL import features

    return "avif" in features.modules and features.check_module("avif") is True


@functools.lru_cache(maxsize=None)
def _heif_is_read() -> bool:
    try:
        from pillow_heif import register_heif_opener
    except (ImportError, OSError):  # OSError: a library that it was built against is gone
        return False
    register_heif_opener()
    return True
