"""What a file that holds no captions looks like, and what would be right."""

from __future__ import annotations

import re

from vsepp.data.captions.caption_file import CaptionFile
from vsepp.data.captions.columns import ADDRESS_COLUMNS, find_columns, is_address, plain
from vsepp.data.captions.tables import split_header, wrong_header
from vsepp.data.image_suffixes import has_image_suffix
from vsepp.data.sources.base64_tables import begins_as_base64_table
from vsepp.system.errors import InputError
from vsepp.system.git_lfs import POINTER

_TO_CSV = "write its columns to a CSV file, one of them called filename and one caption"
_BINARY = (
    (b"ARROW1", "an Arrow table", _TO_CSV),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file", "save it as CSV UTF-8"),
    (b"%PDF", "a PDF", "give the captions as a table, CSV UTF-8"),
    (b"\x89HDF", "an HDF5 file", _TO_CSV),
    (b"SQLite format 3", "an SQLite data base", _TO_CSV),
    (b"\x93NUMPY", "a NumPy array", "give the authors' features with --precomp FOLDER"),
    (b"\x1f\x8b", "a packed file (.gz)", "unpack it first"),
    (b"BZh", "a packed file (.bz2)", "unpack it first"),
    (b"\xfd7zXZ", "a packed file (.xz)", "unpack it first"),
    (b"\x28\xb5\x2f\xfd", "a packed file (.zst)", "unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it and give the captions' file in it"),
    (b"Rar!", "a RAR archive", "unpack it and give the captions' file in it"),
    (b"\xff\xd8\xff", "a photograph", "give photographs with --images, and here their captions"),
    (b"\x89PNG", "a picture", "give photographs with --images, and here their captions"),
    (b"\x80\x02", "a pickle", "it could run code as it is read: give a JSON or a table"),
    (b"\x80\x03", "a pickle", "it could run code as it is read: give a JSON or a table"),
    (b"\x80\x04", "a pickle", "it could run code as it is read: give a JSON or a table"),
    (b"\x80\x05", "a pickle", "it could run code as it is read: give a JSON or a table"),
    (POINTER, "a pointer of Git LFS", "fetch the file itself (`git lfs pull`)"),
)
_JUDGMENT = re.compile(r"\S+\.jpe?g\t\S+#\d\t[\d.]+\t")
_DOWNLOAD = (
    "download the photographs (img2dataset does that and leaves name.txt beside name.jpg), then "
    "give the folder with --captions FOLDER"
)


def refuse_binary(file: CaptionFile) -> None:
    """InputError when the first bytes say that a file is no text."""
    head = file.head
    if not head.strip():
        raise InputError(f"{file.source} is empty: give a file with captions.")
    if head.startswith((b"PK\3\4", b"PK\5\6")):
        raise InputError(
            f"{file.source} looks like an Excel workbook (.xlsx): save it as CSV UTF-8."
            if b"[Content_Types].xml" in head or b"xl/" in head
            else f"{file.source} looks like a .zip: give one that holds captions alone or beside "
            "the photographs with --images."
        )
    if head.startswith(b"PAR1"):
        raise _parquet(file)
    for magic, looks, mend in _BINARY:
        if head.startswith(magic):
            raise InputError(f"{file.source} looks like {looks}, not captions: {mend}.")
    if b"\0" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")):
        pairs = head[: len(head) // 2 * 2]
        zeros = sorted((pairs[::2].count(0), pairs[1::2].count(0)))
        if zeros[1] * 4 > len(pairs) // 2 and zeros[0] * 4 < zeros[1]:
            raise InputError(
                f"{file.source} looks like UTF-16 without the mark before it: save it as UTF-8."
            )
        if head.count(0) * 50 > len(head):
            first = head.index(0)
            raise InputError(
                f"{file.source} holds zero bytes, the first in line {head[:first].count(10) + 1}, "
                "and is no text so: take them out, or give captions as a JSON or a table."
            )


def _parquet(file):
    # Its columns are named at its end.
    if any(name in file.tail.lower() for name in (b"url", b"http")):
        what = "a table of image addresses (LAION's and img2dataset's .parquet)"
        return _looks(file, what, _DOWNLOAD)
    if b"bytes" in file.tail and b"image" in file.tail:
        return _looks(
            file,
            "a Parquet table with photographs in it, as on Hugging Face",
            "write these to files, and a CSV file with columns filename and caption "
            "(`datasets.load_dataset` reads it)",
        )
    return _looks(
        file,
        "a Parquet table",
        f"write it to a CSV file, one column called filename and one caption, with `python -c "
        f"\"import pandas; pandas.read_parquet('{file.name}').to_csv('{file.stem}.csv', "
        'index=False)"`',
    )


def refused_text(file: CaptionFile) -> InputError:
    """The InputError for a text, or lines of JSON, in which no format is recognised."""
    first = file.sample[0][1]
    lines = [line for _, line in file.sample]
    if begins_as_base64_table(file.head):
        return _looks(
            file,
            "a table of photographs in base64 (Chinese-CLIP's and MUGE's *_imgs.tsv)",
            "give it with --images, and the *_texts.jsonl with --captions",
        )
    if re.match(r"\s*<(!doctype html|html)", first, re.IGNORECASE):
        return _looks(file, "a web page", "fetch the file itself")
    if re.match(r"\s*<[?!\w]", first):
        return _looks(file, "XML", "write its captions as a table, CSV UTF-8")
    if file.is_json_lines:
        return InputError(
            f"{file.source}, line {file.sample[0][0]} has no filename and no caption: write "
            '{"filename": …, "caption": …} to each line.'
        )
    if _JUDGMENT.match(first):
        return _looks(
            file,
            "people's judgments of captions (Flickr8k's ExpertAnnotations, CrowdFlower…)",
            "give Flickr8k.token.txt",
        )
    if all(has_image_suffix(line) and "\t" not in line for line in lines):
        return _looks(
            file,
            "a list of file names (a split list?)",
            "give it with --splits, and the captions' file with --captions",
        )
    if _is_addresses(lines):
        return _looks(file, "a table of image addresses (LAION, Conceptual Captions …)", _DOWNLOAD)
    return InputError(wrong_header(file))


def _is_addresses(lines):
    header = max((split_header(lines[0], one) for one in "\t,;|"), key=len)
    if any(plain(name) in ADDRESS_COLUMNS for name in header):
        return "filename" not in find_columns(header)
    fields = [re.split(r"[\t,;|]", line) for line in lines[:5]]
    return all(any(is_address(one.strip(' "')) for one in row) for row in fields)


def refused_document(file: CaptionFile) -> InputError:
    """The InputError for a JSON document in which no format is recognised."""
    document = file.document
    if isinstance(document, dict):
        return _refused_object(file, document)
    if not isinstance(document, list):
        return InputError(f"{file.source} holds one JSON value: give an object or a list.")
    if not document:
        return InputError(f"{file.source} holds an empty list: give one with captions.")
    first = document[0]
    if isinstance(first, str):
        if has_image_suffix(first):
            return _looks(file, "a list of file names", "give the captions' file with --captions")
        return _looks(file, "a list of texts", "name the photograph of each: write a table")
    if not isinstance(first, dict):
        return InputError(
            f"{file.source}, entry 1 is not an object: write an image and its caption there."
        )
    if "conversations" in first:
        return _looks(file, "conversations (LLaVA), not captions", "write a table of captions")
    if any(plain(key) in ADDRESS_COLUMNS for key in first) and "filename" not in find_columns(
        first
    ):
        return _looks(file, "a list of image addresses (LAION and its kind)", _DOWNLOAD)
    if {"question", "answer"} & set(first):
        return _looks(
            file, "questions about photographs, not captions", "write a table of captions"
        )
    columns = find_columns(first)
    missing = [role for role in ("filename", "caption") if role not in columns]
    return InputError(
        f"{file.source}, entry 1 has no {' and no '.join(missing)} (its keys are "
        f"{', '.join(map(repr, list(first)[:6]))}): name them filename and caption."
    )


def _refused_object(file, document):
    annotations = document.get("annotations")
    first = annotations[0] if isinstance(annotations, list) and annotations else None
    keys = set(first) if isinstance(first, dict) else set()
    captions = "give captions_*.json"
    if {"bbox", "segmentation", "keypoints", "category_id"} & keys or "categories" in document:
        return _looks(
            file, "an annotation file of objects (COCO's instances_*.json), not captions", captions
        )
    if {"question_id", "answers", "question"} & keys or "questions" in document:
        return _looks(file, "questions about photographs (VQA), not captions", captions)
    if "images" in document:
        return _looks(
            file,
            "a list of photographs without captions (COCO's image_info_*.json)",
            "give the file with their captions",
        )
    return InputError(
        f"{file.source} has no list 'images' of Karpathy's or COCO's format (its keys are "
        f"{', '.join(map(repr, list(document)[:6]))}): see the formats in data/README.md."
    )


def _looks(file, what, mend):
    return InputError(f"{file.source} looks like {what}: {mend}.")
