"""Reading a Karpathy split: images, their captions, and which split each belongs to."""

from dataclasses import dataclass, replace
from pathlib import PurePosixPath, PureWindowsPath

from vsepp.system.errors import InputError
from vsepp.system.invocation import command
from vsepp.system.json_files import read_json
from vsepp.system.records import wrong_field
from vsepp.text.tokens import AUTO, TOKENIZERS, detect_tokenizer, find_tokenizer

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
    if (
        name.is_absolute()
        or ".." in name.parts
        or PureWindowsPath(str(name)).drive
        or not name.parts
        or "\0" in str(name)
    ):
        raise InputError(
            f"the file name {str(name)!r} leaves the images folder: use a name relative to it."
        )
    return str(name)


def _image(entry, where):
    if not isinstance(entry, dict):
        raise InputError(f"{where} is not an object: see Karpathy's format in data/README.md.")
    key = wrong_field(entry, {"filename": str, "split": str, "sentences": list})
    if key:
        wrong = "has no" if key not in entry else "has a malformed"
        raise InputError(f"{where} {wrong} {key!r}: see Karpathy's format in data/README.md.")
    if entry["split"] not in SPLITS:
        raise InputError(
            f"{where} is in the unknown split {entry['split']!r}: use one of {', '.join(SPLITS)}."
        )
    captions, sentences = [], []
    for sentence in entry["sentences"]:
        tokens = sentence.get("tokens") if isinstance(sentence, dict) else None
        if not isinstance(tokens, list) or not all(isinstance(word, str) for word in tokens):
            raise InputError(
                f"{where} has a sentence without 'tokens' (a list of words): "
                "see Karpathy's format in data/README.md."
            )
        captions.append(tuple(tokens))
        raw = sentence.get("raw")
        sentences.append(raw if isinstance(raw, str) and raw.strip() else " ".join(tokens))
    try:
        name = image_name(entry["filename"], entry.get("filepath") or "")
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    try:
        "".join((name, *sentences, *(word for words in captions for word in words))).encode()
    except UnicodeEncodeError as error:  # a JSON escape can be half of a surrogate pair
        raise InputError(
            f"{where} has text that is not Unicode ({error.reason}): write it anew."
        ) from None
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
    if wrong_field(data, {"images": list}):
        raise InputError(f"{source} has no list 'images': see Karpathy's format in data/README.md.")
    if not data["images"]:
        raise InputError(f"{source} holds no images: give a file with at least one.")
    return [
        _image(entry, f"{source}: image {position}")
        for position, entry in enumerate(data["images"])
    ]


def cut_captions(data, tokenizer=AUTO, keep=False):
    """What a Karpathy JSON holds with its raw captions cut into ``tokens``.

    Args:
        data: ``{"images": [{"sentences": [{"raw", …}]}]}``.
        tokenizer: a name of ``vsepp.text.tokens``; ``auto`` detects Chinese.
        keep: whether a sentence that has ``tokens`` keeps them.

    Returns:
        dict: the same with ``tokens``, and the tokenizer's name under ``tokenizer``.
    """
    if tokenizer == AUTO:
        tokenizer = detect_tokenizer(
            sentence["raw"] for image in data["images"] for sentence in image["sentences"]
        )
    cut = find_tokenizer(tokenizer)

    def with_tokens(sentence):
        others = {key: value for key, value in sentence.items() if key != "tokens"}
        tokens = sentence["tokens"] if keep and "tokens" in sentence else cut(sentence["raw"])
        return {"tokens": tokens, **others}

    images = [
        {**image, "sentences": list(map(with_tokens, image["sentences"]))}
        for image in data["images"]
    ]
    return {**data, "images": images, "tokenizer": tokenizer}


def parse_cut(data, source, wanted=AUTO):
    """The images of a Karpathy JSON, and the name of the tokenizer that cut their captions.

    Args:
        data: what the JSON holds; a name under ``tokenizer`` is the one that cut it.
        source: its file name, for messages.
        wanted: a name of ``vsepp.text.tokens``. ``treebank`` and ``jieba`` cut the captions anew,
            as they were written; ``words`` is what Karpathy's own tokens are. ``auto`` takes the
            tokens as they are, and what the JSON names, else ``jieba`` when the captions are
            Chinese, else ``words``.

    Returns:
        (list of ``KarpathyImage``, name)

    Raises:
        InputError: when the JSON is malformed, was cut by another than is wanted, or names an
            unknown one.
    """
    images = parse_karpathy(data, source)
    recorded = data.get("tokenizer")
    known = recorded in tuple(TOKENIZERS)
    if wanted == AUTO:
        if recorded is not None and not known:
            raise InputError(
                f"{source}: its 'tokenizer' {recorded!r} is none of "
                f"{', '.join(TOKENIZERS)}: say with --tokenizer how to cut it."
            )
        return images, recorded or detect_tokenizer(
            sentence for image in images for sentence in image.sentences
        )
    cut = find_tokenizer(wanted)
    if known and recorded != wanted:
        raise InputError(
            f"{source} was cut into words by the tokenizer {recorded}, not {wanted}: "
            "give what it was made from with --captions, or leave out --tokenizer or the --vocab "
            "that was cut so."
        )
    if not known and wanted != "words":
        images = [
            replace(image, captions=tuple(tuple(cut(text)) for text in image.sentences))
            for image in images
        ]
    return images, wanted


def read_karpathy(path):
    """``parse_karpathy`` of a file; InputError when it is missing or not JSON."""
    return parse_karpathy(read_karpathy_json(path), str(path))


def read_karpathy_json(path):
    """What the JSON of a Karpathy split holds, unchecked.

    Raises:
        InputError: when it is missing or not JSON.
    """
    return read_json(path, f"give a Karpathy split with `{command('prepare')} --captions FILE`")
