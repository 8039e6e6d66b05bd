"""``preprocessor_config.json``: what Hugging Face does to a photograph before a CLIP sees it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vsepp.convert.clip import MEAN, STD
from vsepp.data.preprocessing import Preprocessing
from vsepp.models.pretrained_text.files import read_json_file
from vsepp.system.errors import InputError

NAMES = ("preprocessor_config.json", "processor_config.json")
_RESAMPLE = ("nearest", "lanczos", "bilinear", "bicubic", "box", "hamming")  # by Pillow's number

_LARGEST = 1e30  # of a mean or a standard deviation, as checkpoints keep them


def read_preprocessing(folder: Path, image_size: int) -> Preprocessing:
    """The steps that a folder asks for.

    Args:
        folder: of a CLIP.
        image_size: side of the images that its network takes, in pixels.

    Raises:
        InputError: when its file is missing, or asks for what a network of that size or we
            cannot do.
    """
    path = next((folder / name for name in NAMES if (folder / name).is_file()), None)
    if path is None:
        raise InputError(
            f"{folder} has no {NAMES[0]}, which says how photographs are made ready: put it there."
        )
    content = read_json_file(path)
    inner = content.get("image_processor")  # where it stands with the tokenizer's
    steps = _steps(inner if isinstance(inner, dict) else content, path)
    if steps.image_size != image_size:
        raise InputError(
            f"{path} makes photographs of {steps.image_size} pixels, and the network takes "
            f"{image_size}: put the file there that the weights came with."
        )
    return steps


def _steps(content: Mapping[str, Any], path: Path) -> Preprocessing:
    scaled = content.get("rescale_factor", 1 / 255)
    for key, usual in (("do_resize", True), ("do_rescale", True), ("do_normalize", True)):
        if content.get(key, usual) is not usual:
            raise InputError(f"{path}: {key} is {content[key]!r}, which is not done here.")
    if not isinstance(scaled, (int, float)) or abs(scaled * 255 - 1) > 1e-6:
        raise InputError(f"{path}: rescale_factor is {scaled!r}, which is not done here.")
    number = content.get("resample", _RESAMPLE.index("bicubic"))
    if type(number) is not int or not 0 <= number < len(_RESAMPLE):
        raise InputError(f"{path}: resample is {number!r}, which Pillow does not have.")
    cropped = content.get("do_center_crop", True)
    resize, square = _size(content.get("size", 224), "size", path)
    image_size = resize
    if cropped:
        image_size, _ = _size(content.get("crop_size", 224), "crop_size", path)
    elif not square:
        raise InputError(
            f"{path} keeps photographs in their shape (size {content.get('size')!r}, no crop), "
            "and the network takes squares: put the file there that the weights came with."
        )
    if image_size > resize:
        raise InputError(
            f"{path} crops {image_size} pixels of {resize}: put the file there that the weights "
            "came with."
        )
    return Preprocessing(
        resize,
        image_size,
        _RESAMPLE[number],
        _channels(content, "image_mean", MEAN, path),
        _channels(content, "image_std", STD, path),
        square,
        floor_crop=bool(cropped),
    )


def _size(value: Any, key: str, path: Path) -> tuple[int, bool]:
    """(pixels, whether both sides get them): a number, the shorter side, or a square."""
    square = isinstance(value, dict) and "height" in value
    if isinstance(value, dict):
        sides = (
            {value.get("height"), value.get("width")} if square else {value.get("shortest_edge")}
        )
        value = sides.pop() if len(sides) == 1 else value
    if type(value) is not int or not 0 < value < 2**14:
        raise InputError(f"{path}: {key} is {value!r}, where a square's side in pixels is read.")
    return value, square


def _channels(
    content: Mapping[str, Any], key: str, usual: tuple[float, ...], path: Path
) -> tuple[float, ...]:
    values = content.get(key, usual)
    three = isinstance(values, (list, tuple)) and len(values) == 3
    if not three or not all(type(value) in (int, float) for value in values):
        raise InputError(f"{path}: {key} is {values!r}, where three numbers are read.")
    if (
        not all(abs(value) < _LARGEST for value in values)
        or key == "image_std"
        and min(values) <= 0
    ):
        raise InputError(f"{path}: {key} is {values!r}, which no photographs have: fetch it again.")
    return tuple(map(float, values))
