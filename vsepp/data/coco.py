"""COCO's own annotations with the split that the authors of VSE++ publish, as Karpathy's JSON.

The split is four files of caption (annotation) ids, ``coco_{train,dev,test,restval}_ids.npy``,
drawn from Karpathy's.
"""

import re
from pathlib import Path

from vsepp.data.karpathy import cut_captions
from vsepp.system.errors import InputError
from vsepp.system.json_files import read_json
from vsepp.system.npy_files import read_npy
from vsepp.system.records import wrong_field
from vsepp.text.tokens import AUTO

_SPLITS = {
    "train": "train",
    "val": "dev",
    "test": "test",
    "restval": "restval",
}  # our name of a split: the authors'
_MEND_JSON = "give --coco-annotations COCO's captions_train2014.json and captions_val2014.json"
_MEND_IDS = "give --coco-ids the folder with the authors' coco_{train,dev,test,restval}_ids.npy"


def read_coco(annotations, ids_folder, tokenizer=AUTO):
    """Captions in Karpathy's format, from COCO's annotations and the authors' ids.

    Images stand in the order of their first caption in the files of ids, captions in the
    order of those files. An image's ``filepath`` is ``train2014`` or ``val2014``: as its
    file name says, else as that of the annotations does.

    Args:
        annotations: paths of ``captions_train2014.json`` and ``captions_val2014.json``.
        ids_folder: where the files of ids are.
        tokenizer: what cuts the captions, see ``vsepp.text.tokens``.

    Returns:
        dict: ``{"dataset": "coco", "images": […], "tokenizer": its name}``

    Raises:
        InputError: naming the file, when one is missing or malformed, or when an id is
            unknown, stands twice, or puts an image into a second split.
    """
    captions, photographs = {}, {}
    for path in map(Path, annotations):
        _read_annotations(path, captions, photographs)
    images, seen = {}, set()
    for split, theirs in _SPLITS.items():
        path = Path(ids_folder) / f"coco_{theirs}_ids.npy"
        for number in _read_ids(path):
            if number in seen:
                raise InputError(
                    f"{path}: the caption id {number} stands there or in another of "
                    "the files before: fetch them again."
                )
            seen.add(number)
            if number not in captions:
                raise InputError(
                    f"{path}: the caption id {number} is not in "
                    f"{' or '.join(map(str, annotations))}: {_MEND_JSON}."
                )
            image_id, raw = captions[number]
            image = images.get(image_id)
            if image is None:
                filepath, filename = photographs[image_id]
                image = images[image_id] = {
                    "filepath": filepath,
                    "filename": filename,
                    "imgid": len(images),
                    "cocoid": image_id,
                    "split": split,
                    "sentids": [],
                    "sentences": [],
                }
            if image["split"] != split:
                raise InputError(
                    f"{path}: the caption id {number} is of the image {image_id}, "
                    f"which is in the split {image['split']} too: fetch the files "
                    "of ids again."
                )
            image["sentids"].append(number)
            image["sentences"].append({"raw": raw, "imgid": image["imgid"], "sentid": number})
    return cut_captions({"dataset": "coco", "images": list(images.values())}, tokenizer)


def _read_annotations(path, captions, photographs):
    """Add ``{caption id: (image id, text)}`` and ``{image id: (filepath, filename)}`` of a file."""
    data = read_json(path, _MEND_JSON)
    key = wrong_field(data, {"images": list, "annotations": list})
    if key:
        raise InputError(f"{path} has no list {key!r}: {_MEND_JSON}.")
    usual = re.sub(r"^captions_", "", path.stem)
    here = {}
    for position, entry in enumerate(data["images"]):
        _check(path, "image", position, entry, {"id": int, "file_name": str})
        if entry["id"] in here:
            raise InputError(
                f"{path}: image {position} has the id {entry['id']}, which another "
                f"has too: {_MEND_JSON}."
            )
        year = re.match(r"COCO_(\w+?\d{4})_", entry["file_name"])
        here[entry["id"]] = (year[1] if year else usual, entry["file_name"])
    for position, entry in enumerate(data["annotations"]):
        _check(path, "annotation", position, entry, {"id": int, "image_id": int, "caption": str})
        if entry["image_id"] not in here:
            raise InputError(
                f"{path}: annotation {position} is of the image {entry['image_id']}, "
                f"which 'images' does not list: {_MEND_JSON}."
            )
        if entry["id"] in captions:
            raise InputError(
                f"{path}: annotation {position} has the id {entry['id']}, which "
                f"another has too: {_MEND_JSON}, each once."
            )
        captions[entry["id"]] = (entry["image_id"], entry["caption"].strip())
    photographs.update(here)


def _check(path, kind, position, entry, types):
    key = wrong_field(entry, types)
    if key:
        raise InputError(
            f"{path}: {kind} {position} has no {key!r} or a malformed one: {_MEND_JSON}."
        )


def _read_ids(path):
    ids = read_npy(path, _MEND_IDS)
    if ids.ndim != 1 or ids.dtype.kind not in "iu" or not len(ids):
        raise InputError(
            f"{path} holds {ids.dtype} {list(ids.shape)}, not a list of caption ids: {_MEND_IDS}."
        )
    return ids.tolist()
