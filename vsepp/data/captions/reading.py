"""From the paths that were given to the files that hold captions, and from these to images."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Optional, Union

from vsepp.data.captions.assembling import Assembly, Part
from vsepp.data.captions.caption_file import CaptionFile
from vsepp.data.captions.containers import Container, is_container
from vsepp.data.captions.finding import Found, find
from vsepp.data.captions.recognition import recognise
from vsepp.data.captions.split_lists import SplitLists
from vsepp.data.captions.split_names import split_called, split_said_by, splits_in
from vsepp.data.karpathy import SPLITS, cut_captions
from vsepp.data.sources.archive_kinds import is_archive
from vsepp.system.errors import InputError
from vsepp.text.tokens import AUTO


class Options:
    """How captions are to be divided and cut.

    Attributes:
        seed, tokenizer, splits: see ``Captions.read``.
    """

    def __init__(
        self,
        seed: int = 0,
        tokenizer: str = AUTO,
        split_of: Optional[Mapping[str, str]] = None,
        splits: Optional[Sequence[Union[str, Path]]] = None,
    ) -> None:
        self.seed, self.tokenizer, self.splits = seed, tokenizer, list(splits or ())
        self._split_of, self._used = {}, set()
        for key, name in (split_of or {}).items():
            split = split_called(name)
            if split is None:
                raise InputError(
                    f"--split-of {key}={name}: there is no split {name!r}; use one of "
                    f"{', '.join(SPLITS)}."
                )
            self._split_of[key] = split

    def split_of(self, source: str, name: str) -> Optional[str]:
        """The split that is said of a file, or None."""
        for key, split in self._split_of.items():
            if key in (source, name) or os.path.abspath(key) == os.path.abspath(source):
                self._used.add(key)
                return split
        return None

    def lists(self) -> Optional[SplitLists]:
        """The ``SplitLists`` that are given, or None."""
        return SplitLists.read(self.splits, self.split_of) if self.splits else None

    def refuse_unused(self, names: Iterable[str]) -> None:
        """InputError when a split is said of a file that is none of those read."""
        for key in self._split_of:
            if key not in self._used:
                raise InputError(
                    f"--split-of {key}: no such file is read; name one of {', '.join(names)}."
                )

    def refuse_splits(self, source: str) -> None:
        """InputError when splits are given and a Karpathy JSON brings its own."""
        if self.splits or self._split_of:
            raise InputError(
                f"{source} is a Karpathy JSON, which says each image's split: leave out "
                "--splits and --split-of."
            )


def of_file(file: CaptionFile) -> Found:
    """``Found`` of one ``CaptionFile``."""
    known = recognise(file)
    if known is None:
        return Found(karpathy=file)
    return Found(parts=[Part(file.source, known, None, "", file.encoding, file.name)])


def read_paths(
    paths: Sequence[Path], opened: ExitStack, dataset: Optional[str] = None
) -> tuple[Found, str]:
    """What the paths of files, folders and archives hold.

    Args:
        paths: list of them.
        opened: keeps archives open until their captions are read.
        dataset: see ``finding.find``.

    Returns:
        (Found, name for the data set)
    """
    if len(paths) == 1:
        return _read_path(paths[0], opened, dataset), name_of(paths[0])
    for place, path in enumerate(paths):
        if path.resolve() in [other.resolve() for other in paths[:place]]:
            raise InputError(f"{path} is given twice with --captions: give each file once.")
    above = _common_folder(paths)
    karpathy, parts, alike = None, [], len({path.name for path in paths}) == 1
    for path in paths:
        found = _read_path(path, opened, dataset)
        karpathy = karpathy or found.karpathy
        said = split_said_by(path, alike)
        for part in found.parts:
            # Photographs of two folders may have the same names; metadata say theirs so, too.
            relative = path.is_dir() or path.stem.lower() == "metadata"
            own = path if path.is_dir() else path.parent
            below = Path(os.path.relpath(own, above)).as_posix() if relative and above else "."
            folder = "/".join(one for one in (below, part.folder) if one not in ("", "."))
            parts.append(part._replace(split=part.split or said, folder=folder))
    if karpathy is not None:
        raise InputError(
            f"{karpathy.source} is a Karpathy JSON, which holds all splits of a data set: give it "
            "alone."
        )
    return Found(parts=parts), _common_name(paths)


def _read_path(path, opened, dataset):
    if not path.exists():
        within = _within_archive(path, opened)
        if within is not None:
            return of_file(within)
    if not is_container(path):
        return of_file(CaptionFile(path))
    container = opened.enter_context(Container(path))
    found = find(container, dataset, names_alone=True)
    if found is None:
        looked = "".join(f" ({sentence})" for sentence in list(container.refused.values())[:1])
        raise InputError(
            f"{path} holds no captions in a known format{looked}: give their file with "
            "--captions FILE, or a folder with name.txt beside name.jpg."
        )
    return found


def _within_archive(path, opened):
    """The file that a path like ``all.zip/captions/a.csv`` names, or None."""
    archive = next((parent for parent in path.parents if parent.is_file()), None)
    if archive is None or not is_archive(archive):
        return None
    container = opened.enter_context(Container(archive))
    return container.called(path.relative_to(archive).as_posix())


def name_of(path: Path) -> str:
    """What a data set is called after a file, a folder or an archive."""
    if path.is_dir():
        return path.resolve().name
    packed = path.suffix.lower() in (".gz", ".bz2", ".xz")
    return Path(path.stem).stem if packed else path.stem


def _common_folder(paths):
    try:
        return os.path.commonpath([path.resolve().parent for path in paths])
    except ValueError:  # on two drives
        return None


def _common_name(paths):
    """What the names of several files begin with, up to where a word ends."""
    stems = [name_of(path) for path in paths]
    if len(set(stems)) == 1 and _common_folder(paths):
        return os.path.basename(_common_folder(paths)) or stems[0]
    common = os.path.commonprefix(stems)
    if (
        all(stem[len(common) : len(common) + 1].isalpha() for stem in stems)
        and common[-1:].isalpha()
    ):
        common = common[: max(common.rfind(mark) for mark in "_-. ") + 1] or common
    return common.strip("_-. ") or stems[0]


def assemble(found: Found, name: str, options: Options) -> tuple[dict, str, list[str]]:
    """The parts of what was found as a Karpathy JSON.

    Returns:
        (its content, what was recognised, remarks)
    """
    parts = [
        part._replace(split=options.split_of(part.source, part.name) or part.split)
        for part in found.parts
    ]
    lists, beside = options.lists(), False
    if lists is None and found.lists is not None and not any(part.split for part in parts):
        lists, beside = found.lists, True
    options.refuse_unused([part.name or part.source for part in parts])
    assembly = Assembly(parts, options.seed, lists)
    remarks = list(assembly.remarks)
    if lists is not None:
        where = ", which lie beside the captions" if beside else ""
        remarks.append(f"Splits: as {', '.join(lists.names)} say{where}.")
    if assembly.dealt:
        remarks.append(_dealt(parts, options))
    content = {"dataset": name, "images": assembly.images}
    content = cut_captions(content, options.tokenizer, keep=True)
    remarks += _uncut(content, options.tokenizer)
    return content, _recognised(parts), remarks


def _uncut(content, tokenizer):
    """A line where most captions are one long word: Japanese, Thai, Chinese cut at blanks."""
    sentences = [sentence for image in content["images"] for sentence in image["sentences"]]
    uncut = sum(
        len(sentence["tokens"]) == 1 and not sentence["raw"].isascii() and len(sentence["raw"]) > 7
        for sentence in sentences
    )
    if 2 * uncut <= len(sentences):
        return []
    mend = "" if tokenizer == AUTO else f", or Chinese ones without --tokenizer {tokenizer}"
    return [
        f"{uncut} of {len(sentences)} captions are one word each, for words are cut at blanks: "
        f"give them with blanks between the words{mend}."
    ]


def _dealt(parts, options):
    said = {split for part in parts for split in splits_in(Path(part.name).stem)}
    sentence = f"Splits: none is named, so the images are divided 80/10/10 (seed {options.seed})"
    if len(parts) == 1 and len(said) == 1:
        return (
            f"{sentence}; the file's name says {said.pop()}, so give the files of the other splits "
            f"with it, or say --split-of {parts[0].name}=train."
        )
    return f"{sentence}."


def _recognised(parts):
    """What the parts are, each format once with the files that are in it."""
    by_name = {}
    for part in parts:
        by_name.setdefault(part.known.name, []).append(part.name)
    if len(by_name) == 1:
        return next(iter(by_name))
    return "; ".join(f"{name} in {', '.join(files)}" for name, files in by_name.items())
