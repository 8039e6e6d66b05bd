"""What columns and keys are called that hold a photograph's name, a caption, a split, a number."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from vsepp.data.image_suffixes import has_image_suffix

# The earlier a name stands, the rather it is taken where a table has several of them.
_NAMES = {
    "filename": (
        *("filename", "file_name", "image_name", "img_name", "image_file", "image_filename"),
        *("imagename", "image_file_name", "img_file", "image", "img", "picture", "photo", "file"),
        *("image_path", "img_path", "filepath", "file_path", "path", "image_id", "imageid"),
        *("img_id", "image_ids", "item_ids", "photo_id", "key", "name", "fname", "imgname"),
        *("photo_name", "picture_name", "filenames"),
        *(
            "文件名",
            "文件名称",
            "图片文件名",
            "图片名",
            "图片名称",
            "图片",
            "图像",
            "图像名",
            "照片",
        ),
        *("图片文件", "文件", "图片路径", "图像路径", "文件路径", "路径", "图片id", "图像id"),
    ),
    "caption": (
        *("caption", "captions", "caption_text", "text", "comment", "comments", "sentence"),
        *("sentences", "description", "descriptions", "txt", "raw", "query_text", "caption_str"),
        *("title", "label_text", "alt_text", "prompt"),
        *(
            "描述",
            "图片描述",
            "图像描述",
            "中文描述",
            "标题",
            "图片标题",
            "说明",
            "图片说明",
            "句子",
        ),
        *("文本", "文字", "内容", "文字描述", "文本描述", "注释"),
    ),
    "split": (
        *("split", "set", "subset", "partition", "fold"),
        *("划分", "数据划分", "数据集划分", "子集", "集合", "分割"),
    ),
    "number": (
        *("comment_number", "caption_number", "sentence_number", "caption_id", "sentence_id"),
        *("number", "comment_id", "sentid", "caption_index", "n"),
        *("编号", "序号", "描述编号", "句子编号"),
    ),
}
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://|data:image/", re.IGNORECASE)
ADDRESS_COLUMNS = ("url", "image_url", "img_url", "url_link", "coco_url", "flickr_url", "图片链接")


def plain(name: object) -> str:
    """A column's name without what does not matter in it.

    >>> plain(' "Image Name" ')
    'image_name'
    """
    return re.sub(r"[\s-]+", "_", str(name).strip().strip("\"'“”").strip().lower())


def find_columns(header: Iterable[object]) -> dict[str, int]:
    """Which column or key holds what: ``{"filename", "caption", "split", "number": position}``.

    Those that are not there are left out.

    >>> find_columns(["id", "Image", "text"])
    {'filename': 1, 'caption': 2}
    """
    names = [plain(name) for name in header]
    found = {}
    for role, known in _NAMES.items():
        among = list(map(_without_number, names)) if role == "caption" else names
        position = next((among.index(name) for name in known if name in among), None)
        if position is not None:
            found[role] = position
    return found


def caption_columns(header: Iterable[object]) -> list[int]:
    """Positions of all columns that hold captions: one, or several that differ by a number.

    >>> caption_columns(["image", "caption_1", "caption_2", "text"])
    [1, 2]
    """
    names = [_without_number(plain(name)) for name in header]
    place = find_columns(header).get("caption")
    return [] if place is None else [at for at, name in enumerate(names) if name == names[place]]


def name_column(header: Iterable[object], rows: Sequence[Sequence[str]]) -> int:
    """Position of the column with photographs' names: the first known one, unless it holds none
    that ends as photographs' do and another known one does.

    Args:
        header: names of the columns, one of them known.
        rows: some rows of the table.
    """
    names = [plain(name) for name in header]
    known = [names.index(name) for name in _NAMES["filename"] if name in names]
    rows = [row for row in rows if len(row) == len(names)]
    for place in known:
        if rows and all(has_image_suffix(row[place]) for row in rows):
            return place
    return known[0]


def _without_number(name):
    return re.sub(r"_?\d+$", "", name)


def has_columns(keys: Iterable[object]) -> bool:
    """Whether any key names a photograph or a caption."""
    return bool({"filename", "caption"} & set(find_columns(keys)))


def is_address(name: str) -> bool:
    """Whether what should be the name of a file is an address in the web."""
    return bool(_ADDRESS.match(name))
