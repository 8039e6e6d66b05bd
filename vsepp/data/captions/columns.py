"""What columns and keys are called that hold a photograph's name, a caption, a split, a number."""

import re

# The earlier a name stands, the rather it is taken where a table has several of them.
_NAMES = {
    "filename": (
        *("filename", "file_name", "image_name", "img_name", "image_file", "image_filename"),
        *("imagename", "image_file_name", "img_file", "image", "img", "picture", "photo", "file"),
        *("image_path", "img_path", "filepath", "file_path", "path", "image_id", "imageid"),
        *("img_id", "image_ids", "item_ids", "photo_id", "key"),
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
        *("title", "label_text"),
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
_ADDRESS = re.compile(r"(?:https?|ftp|s3)://", re.IGNORECASE)
ADDRESS_COLUMNS = ("url", "image_url", "img_url", "url_link", "coco_url", "flickr_url", "图片链接")


def plain(name):
    """A column's name without what does not matter in it.

    >>> plain(' "Image Name" ')
    'image_name'
    """
    return re.sub(r"[\s-]+", "_", str(name).strip().strip("\"'“”").strip().lower())


def find_columns(header):
    """Which column or key holds what: ``{"filename", "caption", "split", "number": position}``.

    Those that are not there are left out.

    >>> find_columns(["id", "Image", "text"])
    {'filename': 1, 'caption': 2}
    """
    names = [plain(name) for name in header]
    found = {}
    for role, known in _NAMES.items():
        position = next((names.index(name) for name in known if name in names), None)
        if position is not None:
            found[role] = position
    return found


def has_columns(keys):
    """Whether any key names a photograph or a caption."""
    return bool({"filename", "caption"} & set(find_columns(keys)))


def is_address(name):
    """Whether what should be the name of a file is an address in the web."""
    return bool(_ADDRESS.match(name))
