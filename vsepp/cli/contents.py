"""What a file or folder of ours is and was made with, read from its own words.

Nothing here imports Paddle, reads a pickle, or reads weights that need not be read.
"""

import glob
import json
import os
from pathlib import Path

from vsepp.system.errors import InputError
from vsepp.system.invocation import command

_OF_A_DATA_SET = ("prepared.json", "vocab.json")


def describe(path):
    """What ``path`` is: a dictionary with ``kind`` first, that JSON can hold.

    Args:
        path: a checkpoint, an index, stored features (one split, or a backbone's folder), a
            prepared data set, a converted backbone, or the codes of a split.

    Raises:
        InputError: when it is missing, damaged, or something else.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path} does not exist: check the path.")
    if not (path.is_file() or path.is_dir()):  # to open a pipe is to wait for its writer
        raise InputError(f"{path} is a pipe or a device: give a file or a folder.")
    if path.name in _OF_A_DATA_SET or path.name == "manifest.json":
        path = path.parent
    about = _describe_folder(path) if path.is_dir() else _describe_file(path)
    if about is None:
        folder = path if path.is_dir() else path.parent
        split = "*" if path.is_dir() else glob.escape(path.name.partition(".")[0])
        if any(folder.glob(f"{split}.partial.npy")):
            raise InputError(
                f"the features in {folder} are not finished: run `{command('features')}` again, "
                "which goes on where it stopped."
            )
        raise InputError(
            f"{path} is none of our files: give a checkpoint, an index, stored features, a "
            "prepared data set, or a converted backbone."
        )
    return about


def _describe_folder(path):
    if (path / "manifest.json").exists():
        return _index(path)
    if any((path / name).exists() for name in _OF_A_DATA_SET):
        return _data_set(path)
    splits = _feature_splits(path)
    return _features(path, splits) if splits else None


def _describe_file(path):
    with open(path, "rb") as file:
        start = file.read(9)
    if start.startswith(b"\x93NUMPY") or path.suffix == ".json":
        about = path.with_suffix(".json")
        content = _feature_description(about) if about.exists() else None
        return _features(path, {path.stem: content}) if content else None
    if start[8:9] == b"{":  # a length, then a header: as safetensors begin
        return _tensors(path)
    if start[:1] == b"\x80" or start[:2] == b"PK":
        raise InputError(
            f"{path} is a pickle or a PyTorch archive, which is not read to look at it: turn it "
            f"into one of our files with `{command('convert')}` (-h says how)."
        )
    if path.suffix == ".ckpt":
        from vsepp.checkpoint import read_header

        read_header(path)  # says what is wrong with it
    return None


# ---- files of tensors ----------------------------------------------------------------------


def _tensors(path):
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="numpy") as file:
            about = file.metadata() or {}
            shapes = {name: file.get_slice(name).get_shape() for name in file.keys()}
    except (SafetensorError, OverflowError) as error:
        raise InputError(
            f"{path} is cut short or damaged ({error}): copy or make it again."
        ) from None
    if "vsepp" in about:
        return _checkpoint(path, shapes)
    if "vsepp_codes" in about:
        return _codes(path, about["vsepp_codes"], shapes)
    if "backbone" in about:
        return _backbone(path, about["backbone"], shapes)
    return None


def _numbers(shapes):
    total = 0
    for shape in shapes:
        count = 1
        for size in shape:
            count *= size
        total += count
    return total


def _checkpoint(path, shapes):
    from vsepp.checkpoint import kind_of, read_header
    from vsepp.config import KEYS

    header = read_header(path)
    config, over = header["config"], header.get("backbone")
    image = str(config.get("image_model"))
    if over:
        image = f"{over['backbone']}, frozen, of fingerprint {over['fingerprint'][:12]}"
        if not any(name.startswith("model/image_extractor.backbone.") for name in shapes):
            image += ", not inside"
    changed = {
        key: value
        for key, value in config.items()
        if key != "dataset" and not (key in KEYS and KEYS[key].default == value)
    }
    return {
        "kind": "checkpoint",
        "path": str(path),
        "task": kind_of(header),
        "image_encoder": image,
        "text_encoder": config.get("text_model", "gru"),
        "dataset": config.get("dataset"),
        "epoch": header["epoch"],
        "step": header["step"],
        "resumable": any(name.startswith("optimizer/") for name in shapes),
        "metrics": header.get("metrics"),
        **_reader(header),
        **_seen(over, header),
        "fingerprint": header["fingerprint"],
        "parameters": _numbers(
            shape for name, shape in shapes.items() if name.startswith("model/")
        ),
        "bytes": path.stat().st_size,
        "configuration": changed,
    }


def _reader(header):
    """What there is to say of how the text encoder reads sentences."""
    if "vocab" in header:
        return {"words": len(header["vocab"]), "tokenizer": header.get("tokenizer", "words")}
    subwords = header.get("subwords")
    if not isinstance(subwords, dict):
        return {}
    try:
        kind = json.loads(subwords["definition"])["model"]["type"]
    except (KeyError, TypeError, ValueError, RecursionError):
        kind = "damaged"
    return {"tokenizer": kind, "longest_sentence": f"{subwords.get('longest')} tokens"}


def _seen(over, header):
    """Whether the photographs of a training were turned as EXIF says, where there were any."""
    from vsepp.data.stored.features import GIVEN

    return {} if over and over["backbone"] == GIVEN else {"exif": header.get("exif", False)}


def _codes(path, text, shapes):
    try:
        made_with = json.loads(text)
    except (ValueError, RecursionError):
        raise InputError(
            f"{path} does not say what its codes were made with: remove it, and it is made again "
            "when it is needed."
        ) from None
    return {
        "kind": "codes of a split, kept beside a checkpoint",
        "path": str(path),
        "shapes": {name: list(shape) for name, shape in sorted(shapes.items())},
        "made_with": made_with,
        "bytes": path.stat().st_size,
    }


def _backbone(path, name, shapes):
    from safetensors.numpy import load_file

    from vsepp.system.fingerprints import fingerprint

    return {
        "kind": "weights of a backbone",
        "path": str(path),
        "backbone": name,
        "parameters": _numbers(shapes.values()),
        "fingerprint": fingerprint(load_file(str(path))),
        "bytes": path.stat().st_size,
    }


# ---- folders -------------------------------------------------------------------------------


def _index(path):
    from vsepp.index.manifest import read_manifest

    manifest = read_manifest(path)
    codes = manifest.codes_path(path)
    return {
        "kind": "index of photographs",
        "path": str(path),
        "photographs": len(manifest.photographs),
        **_folders(manifest),
        "checkpoint": manifest.checkpoint,
        "checkpoint_there": os.path.exists(manifest.checkpoint),
        **manifest.origin.record(),
        "precision": manifest.origin.encoding.precision,
        "exif": manifest.origin.encoding.exif,
        "approximate": manifest.approximate,
        "bytes": codes.stat().st_size if codes.exists() else 0,
    }


def _folders(manifest):
    """The folders of an index and what is left out of them."""
    if len(manifest.folders) == 1:
        folders = {"folder": manifest.folder}
    else:
        folders = {"folders": {folder.label: folder.path for folder in manifest.folders}}
    return {
        **folders,
        "excluded": list(manifest.choice.exclude),
        "included": list(manifest.choice.include),
    }


def _feature_splits(folder):
    """``{split: description}`` of the stored features in a folder."""
    found = {about.stem: _feature_description(about) for about in sorted(folder.glob("*.json"))}
    return {split: about for split, about in found.items() if about}


def _feature_description(about):
    """What ``<split>.json`` says of the features beside it; None when it is no such file."""
    from vsepp.data.stored.features import OF_IMAGES, FeatureOrigin
    from vsepp.system.json_files import read_json

    if not about.with_suffix(".npy").exists() or about.stem.endswith(".partial"):
        return None
    mend = f"if it describes stored features, remove it and run `{command('features')}` again"
    content = read_json(about, mend)
    if not isinstance(content, dict) or not {"backbone", "fingerprint"} <= content.keys():
        return None
    try:
        FeatureOrigin.from_record({k: v for k, v in content.items() if k not in OF_IMAGES})
    except ValueError as error:
        raise InputError(f"{about} is damaged ({error}): {mend}.") from None
    return content


def _features(path, splits):
    from vsepp.data.stored.features import OF_IMAGES

    folder = path if path.is_dir() else path.parent
    shared = dict(next(iter(splits.values())))
    for key in OF_IMAGES:
        shared.pop(key, None)
    return {
        "kind": "stored features of a frozen backbone",
        "path": str(path),
        **shared,
        "precision": shared.get("precision", "float32"),
        "exif": shared.get("exif", False),
        "images": {split: about.get("images") for split, about in splits.items()},
        "bytes": sum((folder / f"{split}.npy").stat().st_size for split in splits),
    }


def _turned(prepared):
    """Whether a data set's photographs are turned as EXIF says, where it has photographs."""
    return {} if prepared.get("features") else {"exif": prepared["options"].get("exif", False)}


def _data_set(path):
    from vsepp.data.prepared import read_prepared
    from vsepp.text.vocabulary import Vocabulary

    prepared = read_prepared(path)
    features = path / "features"
    return {
        "kind": "prepared data set",
        "path": str(path),
        "prepared_by": "vsepp" if (path / "prepared.json").exists() else "another program",
        "options": {**prepared["options"], **_turned(prepared)},
        "splits": prepared.get("splits"),
        "words": len(Vocabulary.load(path / "vocab.json")),
        "given_features": prepared.get("features"),
        "stored_features": sorted(
            child.name for child in features.glob("*") if child.is_dir() and _feature_splits(child)
        ),
    }
