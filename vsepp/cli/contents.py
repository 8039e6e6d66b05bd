"""What a file or folder of ours is and was made with, read from its own words.

Nothing here imports Paddle, reads a pickle, or reads weights that need not be read.
"""

import json
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
    if path.name in _OF_A_DATA_SET or path.name == "manifest.json":
        path = path.parent
    about = _describe_folder(path) if path.is_dir() else _describe_file(path)
    if about is None:
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
    if start.startswith(b"\x93NUMPY"):
        splits = _feature_splits(path.parent)
        return _features(path, {path.stem: splits[path.stem]}) if path.stem in splits else None
    if path.suffix == ".json":
        splits = _feature_splits(path.parent)
        return _features(path, {path.stem: splits[path.stem]}) if path.stem in splits else None
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
    from vsepp.checkpoint import read_header
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
        "task": header.get("task", "retrieval"),
        "image_encoder": image,
        "text_encoder": config.get("text_model", "gru"),
        "dataset": config.get("dataset"),
        "epoch": header["epoch"],
        "step": header["step"],
        "resumable": any(name.startswith("optimizer/") for name in shapes),
        "metrics": header.get("metrics"),
        "words": len(header["vocab"]),
        "tokenizer": header.get("tokenizer", "words"),
        "fingerprint": header["fingerprint"],
        "parameters": _numbers(
            shape for name, shape in shapes.items() if name.startswith("model/")
        ),
        "bytes": path.stat().st_size,
        "configuration": changed,
    }


def _codes(path, text, shapes):
    return {
        "kind": "codes of a split, kept beside a checkpoint",
        "path": str(path),
        **{name: list(shape) for name, shape in sorted(shapes.items())},
        "made_with": json.loads(text),
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
        "folder": manifest.folder,
        "checkpoint": manifest.checkpoint,
        "checkpoint_there": Path(manifest.checkpoint).exists(),
        **manifest.origin.record(),
        "precision": manifest.origin.encoding.precision,
        "approximate": manifest.approximate,
        "bytes": codes.stat().st_size if codes.exists() else 0,
    }


def _feature_splits(folder):
    """``{split: description}`` of the stored features in a folder."""
    from vsepp.system.json_files import read_json

    found = {}
    for about in sorted(folder.glob("*.json")):
        if not about.with_suffix(".npy").exists() or about.stem.endswith(".partial"):
            continue
        content = read_json(about, f"remove it and run `{command('features')}` again")
        if isinstance(content, dict) and {"backbone", "fingerprint"} <= content.keys():
            found[about.stem] = content
    return found


def _features(path, splits):
    folder = path if path.is_dir() else path.parent
    shared = dict(next(iter(splits.values())))
    for key in ("images", "images_sha256"):
        shared.pop(key, None)
    return {
        "kind": "stored features of a frozen backbone",
        "path": str(path),
        **shared,
        "precision": shared.get("precision", "float32"),
        "images": {split: about.get("images") for split, about in splits.items()},
        "bytes": sum((folder / f"{split}.npy").stat().st_size for split in splits),
    }


def _data_set(path):
    from vsepp.data.prepared import read_prepared
    from vsepp.text.vocabulary import Vocabulary

    prepared = read_prepared(path)
    features = path / "features"
    return {
        "kind": "prepared data set",
        "path": str(path),
        "prepared_by": "vsepp" if (path / "prepared.json").exists() else "another program",
        "options": prepared["options"],
        "splits": prepared.get("splits"),
        "words": len(Vocabulary.load(path / "vocab.json")),
        "given_features": prepared.get("features"),
        "stored_features": sorted(
            child.name for child in features.glob("*") if child.is_dir() and _feature_splits(child)
        ),
    }
