"""The sample: a data set that the package draws itself, so that everything runs on a bare machine.

Each picture is a scene: one of eight settings (a beach, a city at night, the moon …) with one
or two groups of things ("two small blue cars", "a big red balloon") that stand to the
left or right of, above or below each other. Five sentences describe it, each worded
differently. Twelve kinds, eight colours, two sizes and up to three of a kind make
thousands of scenes; the sentences use 125 words.

The same arguments give the same bytes (of the pictures: under one version of Pillow; another
may round the odd edge differently). In ``val`` and ``test`` every sentence is true of
one picture only, so a perfect model would find every one.

    scene.py     what is in a scene        grammar.py   the sentences
    layout.py    where it stands           drawing.py   the picture, from
    canvas.py    Pillow in fractions       settings.py  and objects.py
"""

import json
from pathlib import Path

from vsepp.data.sample.drawing import draw_picture
from vsepp.data.sample.grammar import describe
from vsepp.data.sample.scene import SPLITS, draw_scenes, generator
from vsepp.system.atomic import atomic_path, write_json
from vsepp.system.errors import InputError
from vsepp.system.progress import progress
from vsepp.text.tokens import words

VERSION = 1  # of the drawings and sentences: raise it when either changes
_DRAWN = "drawn"  # the key of the JSON that holds what it was drawn with


def _describe_sample(counts, seed):
    """The scenes of every split in order, and the Karpathy split that describes them."""
    scenes, images = [], []
    for split in SPLITS:
        for index, scene in enumerate(draw_scenes(split, counts[split], seed)):
            imgid = len(images)
            sentences = []
            for raw in describe(scene, generator(seed, split, index, stream=1)):
                sentid = 5 * imgid + len(sentences)
                sentences.append(
                    {"sentid": sentid, "imgid": imgid, "tokens": words(raw), "raw": raw}
                )
            images.append(
                {
                    "imgid": imgid,
                    "filename": f"{split}_{index:05d}.png",
                    "split": split,
                    "sentids": [sentence["sentid"] for sentence in sentences],
                    "sentences": sentences,
                }
            )
            scenes.append((scene, generator(seed, split, index, stream=2)))
    drawn = {"version": VERSION, "seed": seed, **counts}
    return scenes, {"dataset": "sample", _DRAWN: drawn, "images": images}


def _is_drawn(description_path, description):
    """Whether the JSON on the disk is this one. Refuses to overwrite one of another origin."""
    if not description_path.exists():
        return False
    try:
        found = json.loads(description_path.read_text(encoding="utf-8"))
    except ValueError:
        return False
    if not isinstance(found, dict) or _DRAWN not in found:
        raise InputError(
            f"{description_path} was not drawn by vsepp and would be overwritten: "
            "move it away, or prepare it under another name with --captions and --dataset."
        )
    return found == description


def _is_there(path):
    return path.is_file() and path.stat().st_size > 0


def _save(picture, path):
    with atomic_path(path, sync=False) as temporary:  # the JSON, written last, is synced
        picture.save(temporary, format="PNG")


def draw_sample(folder, train=2000, val=100, test=100, seed=0):
    """Draw the sample data set.

    Writes ``folder/images/*.png`` and, last, ``folder/dataset_sample.json``, a Karpathy
    split whose extra key ``drawn`` says with which arguments and version it was made.
    What is already there with the same ones is left as it is, and only missing pictures
    are drawn; without the JSON, or with another, every picture is drawn anew.

    Args:
        folder: of the data set, for example ``data/sample``; made when missing.
        train, val, test: number of images in each split, five sentences each.
        seed: a whole number from zero; each gives another data set.

    Returns:
        pathlib.Path: of the JSON.

    Raises:
        InputError: for a negative number, or a JSON there that was not drawn by this function.
    """
    counts = {"train": train, "val": val, "test": test}
    for name, value in {**counts, "seed": seed}.items():
        if value < 0:
            raise InputError(f"{name} of the sample is {value}; give a whole number from zero.")
    folder = Path(folder)
    description_path = folder / "dataset_sample.json"
    scenes, description = _describe_sample(counts, seed)
    paths = [folder / "images" / image["filename"] for image in description["images"]]

    drawn = _is_drawn(description_path, description)
    todo = [i for i, path in enumerate(paths) if not (drawn and _is_there(path))]
    if drawn and not todo:
        return description_path
    if not drawn and description_path.exists():
        description_path.unlink()  # nothing describes the pictures while they are being drawn
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for i in progress(todo, "drawing the sample", unit="image"):
        _save(draw_picture(*scenes[i]), paths[i])
    if not drawn:
        write_json(description_path, description)
    return description_path
