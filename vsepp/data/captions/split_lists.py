"""Lists of the photographs in each split, as data sets are handed out with them.

``Flickr_8k.trainImages.txt``, ``flickr8ktrain.txt``, ``coco-cn_train.txt``: one file name to a
line, with or without its suffix; the file's own name says which split it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Optional, Union

from vsepp.data.captions.caption_file import CaptionFile
from vsepp.data.captions.refusals import refuse_binary
from vsepp.data.captions.split_names import splits_in
from vsepp.data.image_suffixes import has_image_suffix
from vsepp.system.errors import InputError

_MEND = (
    "give --splits text files with one photograph's name to a line whose names say train, val "
    "(valid, dev) or test, or a folder that holds them"
)


Said = Callable[[str, str], Optional[str]]  # from a file's path and name to a split said of it


def _nothing_said(source, name):
    return None


class SplitLists:
    """Which split each photograph belongs to.

    Attributes:
        names: what the files are called.
    """

    def __init__(self, files: Sequence[CaptionFile], split_of: Said = _nothing_said) -> None:
        self.names = [file.name for file in files]
        self._splits, self._unused, self._by_stem = {}, set(), {}
        for file in files:
            split = split_of(file.source, file.name) or _split_said_by(file)
            for number, name in listed_names(file):
                if self._splits.setdefault(name, split) != split:
                    raise InputError(
                        f"{file.source}, line {number} puts {name!r} into {split}, another of the "
                        f"lists into {self._splits[name]}: give a photograph one split."
                    )
                self._by_stem.setdefault(_stem(name), set()).add(name)
        if not self._splits:
            raise InputError(f"{', '.join(self.names)}: no photograph is listed: {_MEND}.")
        self._unused = set(self._splits)

    @classmethod
    def read(cls, paths: Iterable[Union[str, Path]], split_of: Said = _nothing_said) -> SplitLists:
        """From the files given, or from those in a folder that are such lists.

        Args:
            paths: of files and folders.
            split_of: from what messages call a file and its name to the split said of it, or None.
        """
        files = []
        for path in map(Path, paths):
            if path.is_dir():
                inside = [CaptionFile(one) for one in sorted(path.iterdir()) if one.is_file()]
                found = [file for file in inside if is_split_list(file)]
                if not found:
                    raise InputError(f"{path} holds no list of a split: {_MEND}.")
                files += found
            elif not path.exists():
                raise InputError(f"{path} does not exist: check --splits.")
            else:
                file = CaptionFile(path)
                refuse_binary(file)
                files.append(file)
        return cls(files, split_of)

    def split(self, name: str) -> Optional[str]:
        """The split of a photograph, by its whole name, its file name, or that without suffix."""
        base = PurePosixPath(name).name
        found = [called for called in (name, base) if called in self._splits]
        if not found:
            found = [
                called
                for called in self._by_stem.get(_stem(name), ())
                if not (has_image_suffix(called) and has_image_suffix(name))
                or PurePosixPath(called).name == base
            ]
            if len({self._splits[called] for called in found}) != 1:
                return None
        self._unused.difference_update(found[:1])
        return self._splits[found[0]]

    @property
    def unused(self) -> list[str]:
        """Listed names that no caption has had."""
        return sorted(self._unused)


def _stem(name):
    pure = PurePosixPath(name)
    return pure.stem if has_image_suffix(name) else pure.name


def _split_said_by(file):
    found = splits_in(file.stem)
    if len(found) != 1:
        raise InputError(
            f"{file.source}: its name says {' and '.join(sorted(found)) or 'no split'}: {_MEND}; "
            f"or say it with --split-of {file.name}=train."
        )
    return found.pop()


def listed_names(file: CaptionFile) -> Iterator[tuple[int, str]]:
    """Yield (line number, name) of a list, refusing what is none."""
    for number, line in file.lines():
        name = line.strip().strip('"').replace("\\", "/")
        while name.startswith("./"):
            name = name[2:]
        if "\t" in name or "," in name:
            raise InputError(
                f"{file.source}, line {number} reads {line.strip()[:60]!r}, which is no "
                f"photograph's name alone: {_MEND}."
            )
        yield number, name.partition("#")[0]


def is_split_list(file: CaptionFile) -> bool:
    """Whether a file is such a list: its name says a split, and its lines are names alone."""
    if len(splits_in(file.stem)) != 1:
        return False
    try:
        refuse_binary(file)
        lines = [line for _, line in file.sample]
    except InputError:
        return False
    if file.begins_as_json or not lines:
        return False
    # Names of one kind: with suffix, or words without blanks that hold a digit.
    return all(has_image_suffix(line) and "\t" not in line for line in lines) or all(
        len(line.split()) == 1 and any(map(str.isdigit, line)) for line in lines
    )
