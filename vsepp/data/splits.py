"""The files of a prepared split: where they are, and what they hold."""

from __future__ import annotations

from pathlib import Path

from vsepp.data.prepared import dataset_words, prepare_again
from vsepp.system.errors import InputError
from vsepp.system.invocation import command
from vsepp.system.json_files import read_json
from vsepp.system.records import wrong_field

NO_PHOTOGRAPHS = "precomp"  # folder in the paths of images of which there are only features


def prepared_folder(data_dir: str | Path, dataset: str) -> Path:
    """A prepared data set's folder; InputError when it is not prepared."""
    folder = Path(data_dir) / dataset
    if not (folder / "vocab.json").exists():
        raise InputError(
            f"{folder} is not a prepared data set: run "
            f"`{command('prepare', *dataset_words(folder))}` first."
        )
    return folder


def split_file(dataset_path: str | Path, split: str) -> Path:
    """``{split}_data.json`` for a data set's folder, or the file itself when it is given."""
    path = Path(dataset_path)
    return path if path.suffix == ".json" else path / f"{split}_data.json"


def read_split(
    dataset_path: str | Path, split: str, captions_per_image: int, vocab_size: int, max_len: int
) -> tuple[list[str], list[list[int]]]:
    """Read and check ``{split}_data.json``.

    Returns:
        (list of image paths, list of captions as lists of indices)

    Raises:
        InputError: when the file is missing or malformed, when the captions do not fit
            the images or the vocabulary, or when one is empty or beyond the padding.
    """
    path = split_file(dataset_path, split)
    if not path.exists():
        raise InputError(
            f"{path} does not exist: there is no {split} split; prepare a data set that has one "
            f"with `{command('prepare')}`."
        )
    mend = prepare_again(path.parent)
    data = read_json(path, mend)
    malformed = wrong_field(data, {"IMAGES": list, "CAPTIONS": list})
    if malformed or not all(isinstance(image, str) for image in data["IMAGES"]):
        raise InputError(f"{path} lacks the lists 'IMAGES' and 'CAPTIONS': {mend}.")
    images, captions = data["IMAGES"], data["CAPTIONS"]
    if not images:
        raise InputError(
            f"{path} holds no images: the {split} split is empty; prepare a data set that has "
            f"one with `{command('prepare')}`."
        )
    if len(captions) != captions_per_image * len(images):
        raise InputError(
            f"{path}: {len(captions)} CAPTIONS do not fit {len(images)} IMAGES with "
            f"captions_per_image {captions_per_image}: set captions_per_image to what the data "
            f"was prepared with, or {mend}."
        )
    for position, caption in enumerate(captions):
        if not isinstance(caption, list) or not all(type(index) is int for index in caption):
            raise InputError(f"{path}: caption {position} is not a list of indices: {mend}.")
        if not 1 <= len(caption) <= max_len + 2:
            raise InputError(
                f"{path}: caption {position} has length {len(caption)}, outside 1 to max_len + 2 "
                f"= {max_len + 2}: set max_len to what the data was prepared with, or {mend}."
            )
        if not 0 <= min(caption) <= max(caption) < vocab_size:
            raise InputError(
                f"{path}: caption {position} has a word beyond the vocabulary's "
                f"{vocab_size}: vocab.json and the split do not belong together; "
                f"{mend}."
            )
    return images, captions
