"""Text on pictures: a font that knows the letters, and lines that fit a width."""

import unicodedata
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

# Pillow's own font holds ASCII and a few signs; every other letter needs another font.
BUILT_IN = frozenset(map(chr, range(0x20, 0x7F))) | frozenset("©«°±´·»‘’“”…‹›⁄™")

# What systems and notebooks ship for Chinese, Japanese and Korean, best first.
CJK_FONTS = (
    "NotoSansCJK-Regular.ttc",
    "NotoSansCJKsc-Regular.otf",
    "NotoSansSC-Regular.otf",
    "SourceHanSansSC-Regular.otf",
    "wqy-microhei.ttc",
    "wqy-zenhei.ttc",
    "msyh.ttc",
    "PingFang.ttc",
    "Hiragino Sans GB.ttc",
    "simhei.ttf",
    "DroidSansFallbackFull.ttf",
    "Arial Unicode.ttf",
)


def font_for(text, size):
    """The font to write ``text`` in, ``size`` pixels high.

    Pillow's own where it has the letters; else one with wide characters when the system
    has it and ``text`` needs it; else DejaVu, which matplotlib brings along.
    """
    if BUILT_IN.issuperset(text):
        return _font("built-in", size)
    return _font("cjk" if any(map(_is_wide, text)) else "dejavu", size)


@lru_cache(maxsize=64)
def _font(family, size):
    if family == "built-in":
        return ImageFont.load_default(size)
    for name in CJK_FONTS if family == "cjk" else ():
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    import matplotlib  # only for its font, and only when that is needed

    return ImageFont.truetype(
        str(Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")), size
    )


def _is_wide(character):
    return unicodedata.east_asian_width(character) in "WF"


def wrap(text, size, width, max_lines=None):
    """Break ``text`` into lines no wider than ``width`` pixels at ``size``.

    Lines break at spaces, and beside wide characters; a word too long for a line is
    broken inside. With ``max_lines`` the last line ends in an ellipsis when more text
    follows.

    Returns:
        (list of str, font): at least one line, and the font they were measured in.
    """
    text = _printable(text)
    font = font_for(text, size)
    lines, line = [], ""
    for piece in _pieces(text):
        if font.getlength((line + piece).rstrip()) <= width:
            line += piece
            continue
        if line.strip():
            lines.append(line.rstrip())
        line = piece
        while font.getlength(line.rstrip()) > width and len(line) > 1:
            count = _fitting(line, font, width)
            lines.append(line[:count])
            line = line[count:]
    lines.append(line.rstrip())
    if max_lines is not None and len(lines) > max_lines:
        kept = lines[max_lines - 1]
        while kept and font.getlength(f"{kept}…") > width:
            kept = kept[:-1]
        lines = [*lines[: max_lines - 1], f"{kept.rstrip()}…"]
    return lines, font


def shorten(text, size, width):
    """``text`` with its middle left out until it is ``width`` pixels wide, and its font."""
    text = _printable(text)
    font = font_for(text, size)
    kept, shown = len(text), text
    if kept > width:  # hardly a letter is narrower than a pixel
        kept = max(2, int(width))
        shown = f"{text[: kept - kept // 2]}…{text[len(text) - kept // 2 :]}"
    while kept > 2 and font.getlength(shown) > width:
        kept -= 1
        shown = f"{text[: kept - kept // 2]}…{text[len(text) - kept // 2 :]}"
    return shown, font


def _printable(text):
    """One line, with what a file name or caption may hold and no font can draw replaced."""
    text = " ".join(str(text).split())
    return "".join("?" if unicodedata.category(c) in ("Cc", "Cs") else c for c in text)


def _pieces(text):
    """Words with the space after them; a wide character is a piece of its own."""
    piece = ""
    for character in text:
        if _is_wide(character):
            if piece:
                yield piece
            yield character
            piece = ""
        else:
            piece += character
            if character == " ":
                yield piece
                piece = ""
    if piece:
        yield piece


def _fitting(line, font, width):
    """How many of the first characters of ``line`` fit; at least one."""
    count = 1
    while count < len(line) and font.getlength(line[: count + 1]) <= width:
        count += 1
    return count
