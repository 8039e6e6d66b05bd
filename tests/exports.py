"""Tiny models and the folders that they are exported to."""

import importlib
import sys
from pathlib import Path

import numpy as np
from PIL import Image

DEPLOY = Path(__file__).parents[1] / "deploy"
WORDS = ["a", "red", "blue", "green", "circle", "square", "stripe", "on", "white"]


def deployed(name):
    """A module of deploy/python, which is no part of the package."""
    folder = str(DEPLOY / "python")
    if folder not in sys.path:
        sys.path.append(folder)
    return importlib.import_module(name)


def save_photographs(folder, count=3):
    """Draw pictures of odd shapes, one of them lying on its side; returns their paths."""
    generator = np.random.default_rng(3)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(count):
        shape = (41 + 13 * number, 60 - 7 * number, 3)
        coarse = Image.fromarray(generator.integers(0, 256, (5, 5, 3)).astype(np.uint8))
        picture = coarse.resize(shape[1::-1], Image.Resampling.BICUBIC)
        exif = Image.Exif()
        exif[0x0112] = 6 if number == 1 else 1
        paths.append(folder / f"{number}.jpg")
        picture.save(paths[-1], quality=95, exif=exif)
    return paths
