"""Text files of other people, in the encodings that programs save them in."""

from __future__ import annotations

import codecs
import re
from typing import Optional

from vsepp.system.counts import counted
from vsepp.system.errors import InputError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8", None),
    (codecs.BOM_UTF32_LE, "utf-32-le", "UTF-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
)
_LETTER = re.compile("[^\\W\\d_a-zA-Z]")
_KANA = re.compile("[\u3041-\u309f\u30a1-\u30ff]")
_HANGUL = re.compile("[\uac00-\ud7a3]")
_MARK_OF_LINE = re.compile("^\ufeff+", re.MULTILINE)
_LINE_END = re.compile("\r\n|\r|\n")


def lines_of(text: str) -> list[str]:
    """The lines of a text, whichever program ended them: LF, CR LF or CR alone."""
    return _LINE_END.split(text)


def without_mark(data: bytes) -> bytes:
    """Bytes without the mark of UTF-8 before them."""
    return data[len(codecs.BOM_UTF8) :] if data.startswith(codecs.BOM_UTF8) else data


def decode(data: bytes, source: str, whole: bool = True) -> tuple[str, Optional[str]]:
    """Text of a file, and the name of its encoding where that is not UTF-8.

    A byte order mark decides. Without one it is UTF-8, or GB18030 (GBK and GB2312 are part of
    it) when it cannot be UTF-8 and reads as Chinese in the other.

    Args:
        data: bytes of the file.
        source: its name, for messages.
        whole: whether ``data`` goes to the file's end; the beginning of one may break off within
            a character.

    Returns:
        (text, name of the encoding or None)

    Raises:
        InputError: naming the line, when it is in another encoding or damaged.
    """
    for mark, encoding, name in _MARKS:
        if data.startswith(mark):
            text = _strictly(data[len(mark) :], encoding, name or "UTF-8", source, whole)
            return _without_marks(text), name
    try:
        return _without_marks(_incrementally(data, "utf-8", whole)), None
    except UnicodeDecodeError as error:
        if not _is_damaged_utf8(data):
            chinese = _as_gb18030(data, whole)
            if chinese is not None:
                return chinese, "GB18030"
        raise _not_utf8(data, error.start, source) from None


def read_lines(path: str, option: str) -> tuple[list[str], list[str]]:
    """The lines of a text file, one thing to a line, stripped, without those that are blank.

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


def _without_marks(text: str) -> str:
    """Text without marks before its lines: programs write two, and files are put together."""
    return _MARK_OF_LINE.sub("", text) if "\ufeff" in text else text


def _strictly(data: bytes, encoding: str, name: str, source: str, whole: bool) -> str:
    try:
        return _incrementally(data, encoding, whole)
    except UnicodeDecodeError as error:
        if name == "UTF-8":
            raise _not_utf8(data, error.start, source) from None
        raise InputError(
            f"{source} begins with the mark of {name} and is damaged at byte {error.start}: "
            "save the file as UTF-8."
        ) from None


def _incrementally(data: bytes, encoding: str, whole: bool) -> str:
    return codecs.getincrementaldecoder(encoding)().decode(data, whole)


def _not_utf8(data: bytes, start: int, source: str) -> InputError:
    line = len(re.findall(b"\r\n|\r|\n", data[:start])) + 1
    return InputError(
        f"{source}, line {line} is not UTF-8, nor does the file read as Chinese in GB18030: "
        "save the file as UTF-8."
    )


def _is_damaged_utf8(data: bytes) -> bool:
    """Whether bytes are UTF-8 but for a few, which GB18030 would turn into other characters."""
    characters = [character for character in data.decode("utf-8", "replace") if character > "\x7f"]
    return characters.count("\ufffd") * 2 < len(characters)


def _as_gb18030(data: bytes, whole: bool) -> Optional[str]:
    """The text when most of what is not ASCII in it are the usual Chinese characters, or None.

    Nearly any bytes can be read as GB18030; those of other encodings give rare characters.
    """
    try:
        text = _incrementally(data, "gb18030", whole)
    except UnicodeDecodeError:
        return None
    if _is_japanese(text) or _is_korean(data):
        return None
    foreign = [character for character in text if character > "\x7f"]
    usual = sum(map(_in_gb2312, foreign))
    return text if 2 * usual > len(foreign) else None


def _is_japanese(text: str) -> bool:
    """Whether text read as GB18030 is of EUC-JP, where the same bytes stand for kana."""
    return 10 * len(_KANA.findall(text)) > len(_LETTER.findall(text))


def _is_korean(data: bytes) -> bool:
    """Whether bytes are nearly all Hangul in EUC-KR, too: the half of the Chinese characters that
    have these bytes hardly makes a text without the other half."""
    text = data.decode("euc_kr", "ignore")
    letters = _LETTER.findall(text)
    return len(letters) > 20 and 20 * len(_HANGUL.findall(text)) > 19 * len(letters)


def _in_gb2312(character: str) -> bool:
    try:
        character.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True
