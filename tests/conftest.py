"""Small data sets that tests draw for themselves."""

import json
from pathlib import Path
from typing import NamedTuple

import vsepp  # noqa: F401 - first, so that NumPy gets the threads it would have for a user

# isort: split
import numpy as np
import pytest
from PIL import Image

COLOURS = {
    "red": (220, 30, 30),
    "green": (30, 160, 60),
    "blue": (40, 60, 210),
    "yellow": (240, 220, 40),
    "white": (245, 245, 245),
}
SHAPES = ("square", "stripe", "frame", "corner")


class PreparedData(NamedTuple):
    """What `prepared` hands out."""

    data_dir: Path  # holds the data set's folder
    dataset: str
    folder: Path  # data_dir / dataset
    vocab: Path  # folder / vocab.json


def draw_picture(path, colour, shape, size=(40, 32)):
    """A PNG with one bright shape on grey: 20 kinds that anybody could tell apart."""
    width, height = size
    pixels = np.full((height, width, 3), 90, np.uint8)
    ink = COLOURS[colour]
    if shape == "square":
        pixels[height // 4 : 3 * height // 4, width // 4 : 3 * width // 4] = ink
    elif shape == "stripe":
        pixels[height // 3 : height // 2] = ink
    elif shape == "frame":
        pixels[:3], pixels[-3:], pixels[:, :3], pixels[:, -3:] = ink, ink, ink, ink
    else:
        pixels[: height // 2, : width // 2] = ink
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def sentences_about(colour, shape):
    """Five different sentences, of three to seven words."""
    return [
        f"a {colour} {shape}",
        f"the {shape} is {colour}",
        f"one {colour} {shape} on grey",
        f"there is a {colour} {shape} here",
        f"this picture shows a {colour} {shape}",
    ]


def karpathy(images, dataset="tiny"):
    """A Karpathy split of `[(filename, split, [sentence, …]), …]`, or of entries as they are."""
    entries, sentid = [], 0
    for imgid, (filename, split, raws) in enumerate(images):
        sentences = []
        for raw in raws:
            sentences.append({"sentid": sentid, "imgid": imgid, "tokens": raw.split(), "raw": raw})
            sentid += 1
        entries.append(
            {
                "imgid": imgid,
                "filename": filename,
                "split": split,
                "sentids": [sentence["sentid"] for sentence in sentences],
                "sentences": sentences,
            }
        )
    return {"dataset": dataset, "images": entries}


@pytest.fixture
def data_set(tmp_path):
    """Make an unprepared data set: a function of `[(filename, split, [sentence, …]), …]`.

    It draws every file, writes `dataset_<dataset>.json` and returns the data set's folder,
    `tmp_path/data/<dataset>`.
    """

    def make(images, dataset="tiny"):
        folder = tmp_path / "data" / dataset
        for place, (filename, _, _) in enumerate(images):
            colour = list(COLOURS)[place % len(COLOURS)]
            draw_picture(folder / "images" / filename, colour, SHAPES[place % len(SHAPES)])
        (folder / f"dataset_{dataset}.json").write_text(
            json.dumps(karpathy(images, dataset)), encoding="utf-8"
        )
        return folder

    return make


@pytest.fixture
def prepared(data_set):
    """The data set `tiny`, prepared: 12 train, 4 val, 4 test images of 40 × 32 pixels, each
    with five captions of its own; every word kept."""
    from vsepp.data.preparation import create_dataset

    splits = ["train"] * 12 + ["val"] * 4 + ["test"] * 4
    images = []
    for place, split in enumerate(splits):
        colour, shape = list(COLOURS)[place % len(COLOURS)], SHAPES[place % len(SHAPES)]
        images.append((f"{place:02d}.png", split, sentences_about(colour, shape)))
    folder = data_set(images)
    create_dataset(str(folder.parent), "tiny", captions_per_image=5, min_word_count=0)
    return PreparedData(folder.parent, "tiny", folder, folder / "vocab.json")


@pytest.fixture
def run_tool(tmp_path, monkeypatch, capsys):
    """A function that runs a tool in a folder of its own and returns the lines it prints."""
    from vsepp.report import training_listener

    monkeypatch.chdir(tmp_path)
    # slow, and not new
    monkeypatch.setattr(training_listener, "draw_curves", lambda history, path: None)

    def run(tool, *arguments):
        assert tool([str(argument) for argument in arguments]) == 0
        return capsys.readouterr().out.splitlines()

    return run
