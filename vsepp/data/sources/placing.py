"""Putting photographs where a data set's files belong: ``data_dir/<dataset>/images/…``, from a
folder, an archive, a table, or the archive that AI Studio mounts.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from vsepp.data.image_suffixes import has_image_suffix
from vsepp.data.karpathy import KarpathyImage
from vsepp.data.sources.image_sources import ImageSource, is_archive_name, link
from vsepp.data.sources.name_encodings import ENCODINGS
from vsepp.data.sources.name_matching import Matching, match_names
from vsepp.data.training_images import NAMED_AT_MOST, named
from vsepp.system.errors import InputError


def find_mounted(dataset: str) -> Path | None:
    """The archive that AI Studio mounts, ``data/data*/<dataset>.zip``; None without one.

    Looked for below the working folder, then below the home folder.
    """
    for folder in (Path("data"), Path.home() / "data"):
        found = sorted(folder.glob(f"data*/{dataset}.zip"))
        if found:
            return found[0]
    return None


def missing_images(
    images: Sequence[KarpathyImage], folder: str | os.PathLike[str]
) -> list[KarpathyImage]:
    """Those of the ``KarpathyImage`` whose file is not in the images folder."""
    return [image for image in images if not Path(folder, image.name).is_file()]


def find_images(images: Sequence[KarpathyImage], source: ImageSource) -> Matching:
    """Which of a source's files is which image.

    Raises:
        InputError: when the source holds none of them, or two different files of one's name.
    """
    names = list(dict.fromkeys(image.name for image in images))
    matching = match_names(names, source.sizes, source.path, source.undeclared)
    if not matching.found:
        packed = list(filter(is_archive_name, source.sizes))
        if packed:
            raise InputError(
                f"{source.path} holds none of the {len(names)} images that the captions name, but "
                f"other archives ({named(packed)}): unpack these, and give what they held with "
                "--images PATH."
            )
        raise InputError(
            f"{source.path} holds none of the {len(names)} images that the captions name "
            f"(looked for {named(names)} among its {len(source.sizes)} files"
            f"{_such_as(source)}): give what holds them with --images PATH."
        )
    return matching


def place_images(
    matching: Matching,
    source: ImageSource,
    folder: str | os.PathLike[str],
    called: Mapping[str, str] | None = None,
) -> int:
    """Put photographs that were found into the data set's images folder.

    A file in a folder is linked, or copied where links do not work; any other is extracted. What
    stands in its place with the same size is left alone.

    Args:
        matching: what ``find_images`` says of this source.
        source: what holds them.
        folder: the data set's images folder.
        called: ``{name in the captions: name in the folder}`` of those that differ.

    Returns:
        int: how many files were put in place now.
    """
    folder, called = Path(folder), called or {}
    first: dict[str, Path] = {}
    again: list[tuple[Path, Path]] = []
    for name, found in matching.found.items():
        target = folder / called.get(name, name)
        if _is_in_place(target, source.sizes[found]):
            continue
        # One file may serve two names; the second is linked to the first.
        if found in first:
            again.append((first[found], target))
        else:
            first[found] = target
    if first:
        source.extract(first, f"Placing {folder}")
    for there, target in again:
        link(there, target)
    return len(first) + len(again)


def in_words(matching: Matching, source: str | os.PathLike[str]) -> str:
    """What was found in a source, and how, in a few lines."""
    counts = [f"{count} of them {how}" for how, count in matching.counts().items()]
    text = f"{len(matching.found)} of {matching.wanted} images matched in {source}"
    text = ", ".join((text, *counts))
    if matching.encoding:
        text += f"; names in it are read as {ENCODINGS[matching.encoding]}"
    lines = [f"{text}."]
    again = len(matching.found) - len(set(matching.found.values()))
    if again:
        lines.append(
            f"{again} of these names are of a file that another name is of, too: each counts as "
            "an image of its own, perhaps in another split."
        )
    if matching.ambiguous:
        lines.append(f"{len(matching.ambiguous)} are not matched, because that is ambiguous:")
        lines += [
            f"  {name!r}: {what}" for name, what in list(matching.ambiguous.items())[:NAMED_AT_MOST]
        ]
    return "\n".join(lines)


def _such_as(source: ImageSource) -> str:
    first = next((name for name in source.sizes if has_image_suffix(name)), None)
    return f", such as {first!r}" if first else ""


def _is_in_place(target: Path, size: int) -> bool:
    try:
        return target.stat().st_size == size
    except FileNotFoundError:
        return False
