"""Whether a data set has anything to train on; what was looked for, and where, when it has not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from vsepp.data.karpathy import KarpathyImage
from vsepp.system.errors import InputError

TRAINING = ("train", "restval")
NAMED_AT_MOST = 3  # files in a message


def for_evaluation_alone(splits: Mapping[str, object]) -> bool:
    """Whether a data set's only split is one that nobody trains on: test, or val."""
    return len(splits) == 1 and not any(name in splits for name in TRAINING)


def lacks_validation(splits: Mapping[str, Mapping[str, int]]) -> bool:
    """Whether a prepared data set has images to train on, and none to choose a checkpoint by."""
    return not for_evaluation_alone(splits) and not splits.get("val", {}).get("images")


def named(names: Sequence[str]) -> str:
    """The first few of some names, for a message."""
    few = ", ".join(repr(name) for name in names[:NAMED_AT_MOST])
    return few + (", …" if len(names) > NAMED_AT_MOST else "")


def require_training_split(images: Sequence[KarpathyImage], source: object, folder: object) -> None:
    """InputError when images are to be chosen and tested by, and none to be trained on.

    Args:
        images: all of the data set.
        source: the captions' file, for the message.
        folder: the data set's images folder, for the message.
    """
    counts = Counter(image.split for image in images)
    if any(counts[name] for name in TRAINING) or for_evaluation_alone(counts):
        return
    splits = " and ".join(f"{count} into {name}" for name, count in counts.items())
    raise InputError(
        f"{source} leaves no training image: its split puts {splits} (looked for "
        f"{named([image.name for image in images])} in {folder}), and none into train: write "
        "train beside those to learn from, or leave the splits out (80/10/10 are dealt out then)."
    )


def require_training_images(
    images: Sequence[KarpathyImage],
    counts: Mapping[str, Mapping[str, int]],
    problems: Mapping[str, str],
    source: object,
    folder: Path,
    max_len: int,
) -> None:
    """InputError when no image of a split to train on, or to evaluate alone, can be used.

    Args:
        images: all of the data set.
        counts: ``{split: {"images": how many can be used}}``.
        problems: ``{path: what is wrong with the image}``.
        source: the captions' file, for the message.
        folder: the data set's images folder.
        max_len: words that a caption may have.
    """
    needed = [image for image in images if image.split in TRAINING] or list(images)
    if any(counts[split]["images"] for split in {image.split for image in needed}):
        return
    left = "no image is left" + (" to train on" if needed[0].split in TRAINING else "")
    missing = [image.name for image in needed if not (folder / image.name).is_file()]
    if len(missing) == len(needed):
        raise InputError(
            f"{source}: {left}, because none of the {len(needed)} files is in "
            f"{folder} (looked for {named(missing)}): give what holds them with --images PATH."
        )
    why = f"; the first problem: {next(iter(problems.values()))}" if problems else ""
    raise InputError(
        f"{source}: {left} that can be decoded and has a caption of 1 to {max_len} "
        f"words (looked for {named([image.name for image in needed])} in {folder}{why}): check "
        "the images folder and max_len."
    )
