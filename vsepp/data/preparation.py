"""From a Karpathy split to ``vocab.json``, ``{split}_data.json`` and ``{split}_sentences.json``."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Container, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Union

import numpy as np

from vsepp.data.images import map_images, open_image
from vsepp.data.karpathy import SPLITS, KarpathyImage, parse_cut, read_karpathy_json
from vsepp.data.orientation import described, obeys_exif, shown
from vsepp.data.training_images import (
    for_evaluation_alone,
    require_training_images,
    require_training_split,
)
from vsepp.data.words import KeptVocabulary, build_vocabulary
from vsepp.metrics.equal_texts import EqualTexts
from vsepp.system.atomic import write_json, write_together
from vsepp.system.errors import InputError
from vsepp.system.progress import progress
from vsepp.text.equal import first_of_equal
from vsepp.text.tokens import AUTO
from vsepp.text.vocabulary import Vocabulary

PREPARED = "prepared.json"
_NAMED_AT_MOST = 10  # unreadable images named in the report, before it only counts


def choose_captions(
    captions: Sequence[Sequence[str]],
    captions_per_image: int,
    max_len: int,
    generator: np.random.Generator,
) -> list[Sequence[str]]:
    """Exactly ``captions_per_image`` of an image's captions.

    Empty captions and those of more than ``max_len`` words do not count. As many as are
    wanted keep their order; fewer are filled up by drawing again from the image's own;
    more are sampled without replacement.

    Args:
        captions: sequence of sequences of words.
        generator: ``numpy.random.Generator`` of this image.

    Returns:
        list: empty when the image has no usable caption.
    """
    usable = [caption for caption in captions if 0 < len(caption) <= max_len]
    if not usable:
        return []
    missing = captions_per_image - len(usable)
    if missing > 0:
        drawn = generator.integers(len(usable), size=missing)
        return usable + [usable[index] for index in drawn]
    if missing < 0:
        drawn = generator.choice(len(usable), size=captions_per_image, replace=False)
        return [usable[index] for index in drawn]
    return usable


@dataclass(frozen=True)
class Content:
    """What goes into the files of each split.

    Attributes:
        splits: ``{split: {"IMAGES": […], "CAPTIONS": […]}}``.
        sentences: ``{split: captions as they were written}``.
        counts: ``{split: {"images", "captions", "left_out"}}``, and ``equal``, how many captions
            another image of the split has word for word, where there are any.
    """

    splits: dict
    sentences: dict
    counts: dict


def assemble(
    images: Sequence[KarpathyImage],
    paths: Sequence[str],
    unusable: Container[str],
    vocabulary: Vocabulary,
    captions_per_image: int,
    max_len: int,
    seed: int,
) -> Content:
    """Choose and encode the captions of images.

    Args:
        images: list of ``KarpathyImage``.
        paths: what each is called in ``IMAGES``.
        unusable: container of the paths that are left out, as are images without a usable
            caption.
        vocabulary, captions_per_image, max_len, seed: see :func:`create_dataset`.

    Returns:
        Content
    """
    splits: dict[str, dict] = {image.split: {"IMAGES": [], "CAPTIONS": []} for image in images}
    sentences: dict[str, list[str]] = {split: [] for split in splits}
    chosen: dict[str, list[Sequence[str]]] = {split: [] for split in splits}
    left_out = dict.fromkeys(splits, 0)
    for position, (image, path) in enumerate(zip(images, paths)):
        generator = np.random.default_rng((seed, position))
        captions = choose_captions(image.captions, captions_per_image, max_len, generator)
        if path in unusable or not captions:
            left_out[image.split] += 1
            continue
        splits[image.split]["IMAGES"].append(path)
        splits[image.split]["CAPTIONS"].extend(vocabulary.encode(words) for words in captions)
        chosen[image.split].extend(captions)
        written = dict(zip(image.captions, image.sentences))
        sentences[image.split].extend(written[words] for words in captions)
    counts = {
        name: {
            "images": len(split["IMAGES"]),
            "captions": len(split["CAPTIONS"]),
            "left_out": left_out[name],
        }
        for name, split in splits.items()
    }
    for name, captions in chosen.items():
        if captions:
            equal = EqualTexts(first_of_equal(map(tuple, captions)), captions_per_image)
            counts[name].update({"equal": equal.captions} if equal.captions else {})
    return Content(splits, sentences, counts)


def _problem(path: str, exif: bool) -> str | None:
    """What is wrong with an image, or None when it decodes."""
    try:
        open_image(path, exif)
    except InputError as error:
        return str(error)
    return None


def _check_images(paths: Sequence[str], exif: bool) -> dict[str, str]:
    """The sentence about each image that cannot be decoded: ``{path: sentence}``."""
    problem_of = partial(_problem, exif=exif)
    bar = progress(map_images(problem_of, paths), "checking images", len(paths), "image")
    return {path: problem for path, problem in zip(paths, bar) if problem}


def _report(problems: dict[str, str]) -> None:
    print(f"{len(problems)} images cannot be used and are left out:")
    for problem in list(problems.values())[:_NAMED_AT_MOST]:
        print(f"  {problem}")
    if len(problems) > _NAMED_AT_MOST:
        print(f"  … and {len(problems) - _NAMED_AT_MOST} more")


def create_dataset(
    data_dir: str = "./data",
    dataset: str = "flickr8k",
    captions_per_image: int = 5,
    min_word_count: int = 5,
    max_len: int = 30,
    seed: int = 0,
    strict: bool = False,
    tokenizer: str = AUTO,
    content: dict | None = None,
    exif: Union[bool, str] = AUTO,
    vocabulary: KeptVocabulary | None = None,
) -> dict:
    """Prepare a data set: read its Karpathy split, write its vocabulary and split files.

    Reads ``data_dir/dataset/dataset_<dataset>.json`` and the photographs in
    ``data_dir/dataset/images``; writes ``vocab.json``, for each split ``{split}_data.json``
    and ``{split}_sentences.json`` (its captions as they were written, to be shown) and, last,
    ``prepared.json`` with the options and counts. The same input gives the same bytes.

    Args:
        data_dir: folder that holds the data sets. Image paths in the split files start
            with it as given.
        dataset: name of the data set and of its folder.
        captions_per_image: captions each image ends up with.
        min_word_count: a word is kept when it occurs more often than this outside test.
        max_len: captions of more words are dropped.
        seed: of the drawing of captions.
        strict: raise when an image cannot be decoded, instead of leaving it out.
        tokenizer: name of what cuts captions and queries, see ``karpathy.parse_cut``;
            ``prepared.json`` keeps it for training.
        content: what ``dataset_<dataset>.json`` holds, where it was read already.
        exif: whether photographs are turned as their EXIF orientation says; ``auto``: see
            ``orientation.obeys_exif``. ``prepared.json`` keeps it for whoever opens them.
        vocabulary: another's to keep, with its indices, instead of one of this data set's words.

    Returns:
        dict: what ``prepared.json`` holds.

    Raises:
        InputError: when the split is missing or malformed or was cut by another tokenizer,
            when nothing usable is left for training, or, with ``strict``, when an image cannot
            be decoded.
    """
    folder = os.path.join(data_dir, dataset)
    source = Path(folder) / f"dataset_{dataset}.json"
    if content is None:
        content = read_karpathy_json(source)
    images, tokenizer = parse_cut(content, str(source), tokenizer)
    require_training_split(images, source, Path(folder) / "images")
    # The vocabulary depends on the JSON alone, so unreadable images do not change it.
    words = build_vocabulary(images, min_word_count, vocabulary)
    paths = [os.path.join(folder, "images", *image.name.split("/")) for image in images]
    turned = obeys_exif(exif, content)
    problems = _check_images(paths, turned)
    if problems:
        if strict:
            raise InputError(
                f"{len(problems)} images cannot be used, the first: {next(iter(problems.values()))}"
            )
        _report(problems)

    chosen = assemble(images, paths, problems, words, captions_per_image, max_len, seed)
    require_training_images(
        images, chosen.counts, problems, source, Path(folder) / "images", max_len
    )

    prepared = {
        "options": {
            "captions_per_image": captions_per_image,
            "min_word_count": min_word_count,
            "max_len": max_len,
            "seed": seed,
            "tokenizer": tokenizer,
            "exif": turned,
            "captions_sha256": hashlib.sha256(source.read_bytes()).hexdigest(),
            **(vocabulary.options() if vocabulary else {}),
        },
        "splits": chosen.counts,
        "words": len(words),
    }
    write_dataset(folder, words, chosen, prepared)
    print_counts(dataset, prepared)
    print(f"{dataset} photographs: {described(turned)} (--exif {shown(turned)})")
    return prepared


def print_counts(dataset: str, prepared: dict) -> None:
    """Print how much of a data set was prepared."""
    for name, counts in prepared["splits"].items():
        print(
            f"{dataset} {name}: {counts['images']} images, {counts['captions']} captions"
            + (f", {counts['left_out']} images left out" if counts["left_out"] else "")
        )
    equal = {
        name: counts["equal"] for name, counts in prepared["splits"].items() if "equal" in counts
    }
    if equal:
        named = ", ".join(f"{count:,} of {name}" for name, count in equal.items())
        print(
            f"{dataset}: {sum(equal.values()):,} captions of different images are word for word "
            f"equal ({named}): eval's --equal-captions right counts them as right, the key "
            "mask_equal_captions=true keeps training from telling them apart"
        )
    print(f"{dataset} vocabulary: {prepared['words']} words")
    if for_evaluation_alone(prepared["splits"]):
        print(f"{dataset} has no training images: it is for evaluation alone")


def write_dataset(
    folder: str | os.PathLike, vocabulary: Vocabulary, content: Content, prepared: dict
) -> None:
    """Write all files; ``prepared.json`` says what it says only while they belong together.

    Until everything is written aside, the files that are there stay.
    """
    folder = Path(folder)
    files = {folder / "vocab.json": vocabulary.word_to_index}
    for name, split in content.splits.items():
        files[folder / f"{name}_data.json"] = split
        files[folder / f"{name}_sentences.json"] = content.sentences[name]
    write_together(files, lambda: mark_unfinished(folder))
    for name in SPLITS:
        if name not in content.splits:  # of an earlier preparation
            (folder / f"{name}_data.json").unlink(missing_ok=True)
            (folder / f"{name}_sentences.json").unlink(missing_ok=True)
    write_json(folder / PREPARED, prepared, indent=2)


def mark_unfinished(folder: str | os.PathLike) -> None:
    """Let ``prepared.json`` say that the files of a data set may not belong together."""
    write_json(Path(folder) / PREPARED, {"unfinished": True})
