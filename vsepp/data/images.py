"""Opening photographs: any mode as RGB, nothing oversized, one sentence when it fails."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TypeVar

from PIL import ExifTags, Image, ImageOps

from vsepp.data.grey_levels import as_8_bits, is_deep
from vsepp.data.image_kinds import HEAD_BYTES, decoder_of, kind_of, mend_of
from vsepp.system.errors import InputError
from vsepp.system.threads import cpu_count

Source = TypeVar("Source")
Result = TypeVar("Result")

MAX_PIXELS = 89_478_485  # 89 megapixels, Pillow's own threshold for a decompression bomb
# What is read, as Pillow calls it. Not all that Pillow knows: for EPS it starts Ghostscript.
# AVIF and HEIC come to these where there is a decoder.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
_LYING = (5, 6, 7, 8)  # EXIF orientations that make width of height

# Pillow warns above the size that open_image refuses; one sentence is enough.
warnings.simplefilter("ignore", Image.DecompressionBombWarning)


def open_image(
    path: str | os.PathLike[str] | IO[bytes],
    exif: bool = False,
    at_least: int | None = None,
    formats: tuple[str, ...] | None = None,
) -> Image.Image:
    """Decode a photograph. What it is its content says, whatever its name.

    HEIC is read where pillow-heif is installed, AVIF where Pillow reads it (11.3 and later).
    Grey of 16 or 32 bits or of floating point is scaled to 8 bits by the picture's own range:
    see :func:`vsepp.data.grey_levels.as_8_bits`.

    Args:
        path: file name, or an open binary file.
        exif: turn it as its EXIF orientation says. For people's own photographs; published
            data sets are read as they are, since published results were.
        at_least: pixels of a side that are enough. A JPEG that is more than twice as large is
            decoded at a half, a quarter or an eighth of its size, with no side shorter than
            this. Not for data sets either.
        formats: names of the formats that are read, as Pillow has them, in place of
            ``FORMATS``; others than these are no images.

    Returns:
        PIL.Image.Image: mode RGB, fully decoded (a GIF's first frame).

    Raises:
        InputError: when it is missing, empty, damaged, no image, of a kind that is not read, or
            over 89 megapixels.
    """
    with _readable(path, formats) as image:
        if at_least is not None:
            image.draft(None, (at_least, at_least))  # does nothing where it is no JPEG
        image.load()
        if exif:
            image = ImageOps.exif_transpose(image)
        return as_rgb(image)


def as_rgb(image: Image.Image) -> Image.Image:
    """A picture of any mode in mode RGB; more than 8 bits of grey as :func:`open_image` does."""
    if is_deep(image.mode):
        image = as_8_bits(image)
    return image if image.mode == "RGB" else image.convert("RGB")


def opened_image(image: Image.Image, exif: bool = False) -> Image.Image:
    """A PIL image of the caller's as :func:`open_image` gives one of a file.

    Raises:
        InputError: when its file is damaged or closed, or it has no pixels.
    """
    try:
        image = as_rgb(ImageOps.exif_transpose(image) if exif else image)
        image.load()
    except Exception as error:  # Pillow's decoders raise almost anything on damaged files
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"the PIL image cannot be read ({reason}): open it anew.") from None
    if not image.width or not image.height:
        raise InputError(
            f"the PIL image has no pixels: it is {image.width} x {image.height}; give another."
        )
    return image


def image_size(
    path: str | os.PathLike[str] | IO[bytes],
    formats: tuple[str, ...] | None = None,
    exif: bool = False,
) -> tuple[int, int]:
    """(width, height) that a photograph's header says, without decoding it.

    Args:
        path, formats, exif: as :func:`open_image` takes them.

    Raises:
        InputError: when it is missing, empty, no image, or over 89 megapixels.
    """
    with _readable(path, formats) as image:
        if exif:
            if image.format == "TIFF":
                image.load()  # some versions of Pillow turn it then, others never do
            if image.getexif().get(ExifTags.Base.Orientation) in _LYING:
                return image.size[::-1]
        return image.size


@contextmanager
def _readable(
    path: str | os.PathLike[str] | IO[bytes], formats: tuple[str, ...] | None = None
) -> Iterator[Image.Image]:
    """Open an image file of an acceptable size; what goes wrong with it becomes one sentence."""
    try:
        if isinstance(path, (str, os.PathLike)) and Path(path).is_fifo():
            # Opening it would wait for whoever writes to it.
            raise InputError(f"{path} is a pipe, not a file: give the file of an image.")
        with _identified(path, formats) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise InputError(
                    f"{path} has {width * height / 1e6:.0f} megapixels, more than the "
                    f"{MAX_PIXELS // 10**6} that are accepted: make it smaller."
                )
            yield image
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path} does not exist: check the path, or put the file back.") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder, not an image: give a file.") from None
    except PermissionError:
        raise InputError(f"{path} may not be read: change its permissions.") from None
    except Image.DecompressionBombError:
        raise InputError(
            f"{path} has more than {MAX_PIXELS // 10**6} megapixels: make it smaller."
        ) from None
    except Image.UnidentifiedImageError:
        raise InputError(
            f"{path} is empty or not an image: give a JPEG, PNG, WebP, BMP or GIF file."
        ) from None
    except Exception as error:  # Pillow's decoders raise almost anything on damaged files
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path} is damaged ({reason}): replace the file.") from None


def _identified(
    path: str | os.PathLike[str] | IO[bytes], formats: tuple[str, ...] | None
) -> Image.Image:
    """The image file, opened; InputError that names it where it is of a kind not read."""
    try:
        return Image.open(path, formats=formats or FORMATS)
    except Image.UnidentifiedImageError:
        kind = kind_of(_head(path))
        decoder = None if formats else decoder_of(kind)
        if decoder:
            try:
                return Image.open(path, formats=(decoder,))
            except Image.UnidentifiedImageError:
                raise InputError(f"{path} is {kind}, but damaged: replace the file.") from None
        if kind:
            mend = mend_of(kind, installable=not formats)
            raise InputError(f"{path} is {kind}{mend}.") from None
        raise


def _head(path: str | os.PathLike[str] | IO[bytes]) -> bytes:
    if isinstance(path, (str, bytes, os.PathLike)):
        with open(path, "rb") as file:
            return file.read(HEAD_BYTES)
    path.seek(0)
    return path.read(HEAD_BYTES)


def map_images(
    function: Callable[[Source], Result], paths: Iterable[Source], threads: int | None = None
) -> Generator[Result, None, None]:
    """Apply ``function`` to every path in parallel, yielding results in order.

    Threads suffice, since Pillow lets go of the interpreter while it decodes. Only a
    few results are ahead of the consumer, so memory stays bounded.
    """
    threads = threads or cpu_count()
    with ThreadPoolExecutor(threads) as pool:
        pending = []
        try:
            for path in paths:
                pending.append(pool.submit(function, path))
                if len(pending) > 8 * threads:
                    yield pending.pop(0).result()
            while pending:
                yield pending.pop(0).result()
        finally:
            for future in pending:
                future.cancel()
