"""Names of splits, and the splits that names of files speak of."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Optional

_SPLIT_NAMES = {
    "train": ["train", "training", "trn", "训练", "训练集"],
    "val": ["val", "valid", "validation", "dev", "development", "验证", "验证集"],
    "test": ["test", "testing", "tst", "测试", "测试集"],
    "restval": ["restval"],
}
_SPLIT_OF = {name: split for split, names in _SPLIT_NAMES.items() for name in names}
# `flickr8ktrain`, `flickr30kzhbbosontrain` and `trainImages` hold the word, `latest` and `device`
# do not.
_IN_A_WORD = re.compile(
    r"(?:k|cn|zh[bcm]?|en[cm]?|boson|jan|coco|flickr)*"
    rf"({'|'.join(sorted(_SPLIT_OF, key=len, reverse=True))})"
    r"(?:images?|imgs?|sets?|data|list|lst|split|captions?|caps?|files?|ids?|names?|texts?|s)?"
)


def split_called(name: str) -> Optional[str]:
    """Our name of a split: train, val, test, restval; None when it is called by no known name.

    >>> [split_called(name) for name in ("Train", "valid", "dev", "testing", "other")]
    ['train', 'val', 'val', 'test', None]
    """
    return _SPLIT_OF.get(name.strip().lower())


def splits_in(name: str) -> set[str]:
    """The splits that a file's name speaks of, in no order.

    >>> [splits_in(name) for name in ("captions_train2017.json", "flickr8ktrain.txt", "latest.csv")]
    [{'train'}, {'train'}, set()]
    >>> splits_in("Flickr_8k.devImages.txt"), sorted(splits_in("train-val.json"))
    ({'val'}, ['train', 'val'])
    """
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    # Letters of other alphabets are words of their own: 训练caption.
    words = re.findall(r"[a-z]+|[^\W\d_a-z]+", apart.lower())
    return {_SPLIT_OF[match[1]] for word in words if (match := _IN_A_WORD.fullmatch(word))}


def split_said_by(path: PurePath, alike: bool = False) -> Optional[str]:
    """The one split that a file's name speaks of, or None.

    Args:
        path: a pure or other path.
        alike: whether files of the same name are told apart by the folders that they lie in,
            whose name speaks then, too.
    """
    for name in (path.stem, path.parent.name)[: 1 + alike]:
        found = splits_in(name)
        if found:
            return found.pop() if len(found) == 1 else None
    return None
