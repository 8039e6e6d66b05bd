"""Reading a Karpathy split: images, their captions, and which split each belongs to."""

from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath

from vsepp.errors import InputError
from vsepp.files.json_files import read_json

SPLITS = ("train", "val", "test", "restval")


@dataclass(frozen=True)
class KarpathyImage:
    """One image of the split.

    Attributes:
        name: path below the data set's ``images`` folder (``filepath/filename``).
        split: train, val, test or restval.
        captions: tuple of captions, each a tuple of words.
        sentences: tuple of the captions as they were written.
    """

    name: str
    split: str
    captions: tuple
    sentences: tuple = ()


def image_name(filename, filepath=""):
    """``filepath/filename`` as a relative path; InputError when it leaves its folder."""
    name = PurePosixPath(str(filepath).replace("\\", "/")) / str(filename).replace("\\", "/")
    if name.is_absolute() or ".." in name.parts or PureWindowsPath(str(name)).drive \
            or not name.parts or "\0" in str(name):
        raise InputError(f"the file name {str(name)!r} leaves the images folder: "
                         "use a name relative to it.")
    return str(name)


def _image(entry, where):
    if not isinstance(entry, dict):
        raise InputError(f"{where} is not an object: see Karpathy's format in data/README.md.")
    for key, kind in (("filename", str), ("split", str), ("sentences", list)):
        if not isinstance(entry.get(key), kind):
            wrong = "has no" if key not in entry else "has a malformed"
            raise InputError(f"{where} {wrong} {key!r}: see Karpathy's format in data/README.md.")
    if entry["split"] not in SPLITS:
        raise InputError(f"{where} is in the unknown split {entry['split']!r}: "
                         f"use one of {', '.join(SPLITS)}.")
    captions, sentences = [], []
    for sentence in entry["sentences"]:
        tokens = sentence.get("tokens") if isinstance(sentence, dict) else None
        if not isinstance(tokens, list) or not all(isinstance(word, str) for word in tokens):
            raise InputError(f"{where} has a sentence without 'tokens' (a list of words): "
                             "see Karpathy's format in data/README.md.")
        captions.append(tuple(tokens))
        raw = sentence.get("raw")
        sentences.append(raw if isinstance(raw, str) and raw.strip() else " ".join(tokens))
    try:
        name = image_name(entry["filename"], entry.get("filepath") or "")
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    try:
        "".join((name, *sentences, *(word for words in captions for word in words))).encode()
    except UnicodeEncodeError as error:  # JSON can escape half a character
        raise InputError(f"{where} has text that is not Unicode ({error.reason}): "
                         "write it anew.") from None
    return KarpathyImage(name, entry["split"], tuple(captions), tuple(sentences))


def parse_karpathy(data, source):
    """The images of a loaded Karpathy JSON, in its order.

    Args:
        data: what the JSON holds.
        source: its file name, for messages.

    Returns:
        list[KarpathyImage]

    Raises:
        InputError: naming the image and key that are missing or malformed.
    """
    if not isinstance(data, dict) or not isinstance(data.get("images"), list):
        raise InputError(f"{source} has no list 'images': see Karpathy's format in data/README.md.")
    if not data["images"]:
        raise InputError(f"{source} holds no images: give a file with at least one.")
    return [_image(entry, f"{source}: image {position}")
            for position, entry in enumerate(data["images"])]


def read_karpathy(path):
    """``parse_karpathy`` of a file; InputError when it is missing or not JSON."""
    mend = "give a Karpathy split with `python tools/prepare.py --captions FILE`"
    return parse_karpathy(read_json(path, mend), str(path))
