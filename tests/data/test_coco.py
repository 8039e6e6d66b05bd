"""COCO's annotations and the authors' ids become Karpathy's JSON."""

import json

import numpy as np
import pytest

from vsepp.data.coco import read_coco
from vsepp.data.karpathy import parse_karpathy
from vsepp.system.errors import InputError

# image id: (file, caption ids)
TRAIN = {
    9: ("COCO_train2014_000000000009.jpg", [90, 91]),
    3: ("COCO_train2014_000000000003.jpg", [30, 31]),
}
VAL = {
    42: ("COCO_val2014_000000000042.jpg", [420, 421]),
    7: ("COCO_val2014_000000000007.jpg", [70, 71]),
    5: ("COCO_val2014_000000000005.jpg", [50]),
}
IDS = {"train": [31, 90, 91, 30], "dev": [420, 421], "test": [71, 70], "restval": [50]}


def annotations(images):
    return {
        "info": {},
        "images": [{"id": key, "file_name": name} for key, (name, _) in images.items()],
        "annotations": [
            {"id": number, "image_id": key, "caption": f"A dog, no. {number}.\n"}
            for key, (_, numbers) in images.items()
            for number in numbers
        ],
    }


@pytest.fixture
def files(tmp_path):
    """(paths of the annotations, folder of the ids)"""
    paths = [tmp_path / "captions_train2014.json", tmp_path / "captions_val2014.json"]
    for path, images in zip(paths, (TRAIN, VAL)):
        path.write_text(json.dumps(annotations(images)))
    for split, ids in IDS.items():
        np.save(tmp_path / f"coco_{split}_ids.npy", np.array(ids))
    return paths, tmp_path


def test_it_is_a_karpathy_split(files):
    images = parse_karpathy(read_coco(*files), "coco")

    assert [(image.split, image.name) for image in images] == [
        ("train", "train2014/COCO_train2014_000000000003.jpg"),
        ("train", "train2014/COCO_train2014_000000000009.jpg"),
        ("val", "val2014/COCO_val2014_000000000042.jpg"),
        ("test", "val2014/COCO_val2014_000000000007.jpg"),
        ("restval", "val2014/COCO_val2014_000000000005.jpg"),
    ]
    assert images[0].captions == (("a", "dog", "no", "31"), ("a", "dog", "no", "30"))
    assert images[0].sentences == ("A dog, no. 31.", "A dog, no. 30.")


def test_captions_are_cut_as_asked_for(files):
    data = read_coco(*files, "treebank")
    assert data["tokenizer"] == "treebank" and read_coco(*files)["tokenizer"] == "words"
    assert data["images"][0]["sentences"][0] == {
        "tokens": ["a", "dog", ",", "no.", "31", "."],
        "raw": "A dog, no. 31.",
        "imgid": 0,
        "sentid": 31,
    }


def test_ids_are_kept(files):
    data = read_coco(*files)
    image = data["images"][3]
    assert data["dataset"] == "coco"
    assert (image["imgid"], image["cocoid"], image["sentids"]) == (3, 7, [71, 70])
    assert [sentence["sentid"] for sentence in image["sentences"]] == [71, 70]


def test_without_a_year_in_its_name_a_photograph_is_where_its_annotations_say(files):
    (train, val), folder = files
    data = annotations({9: ("000000000009.jpg", [90, 91]), 3: TRAIN[3]})
    train.write_text(json.dumps(data))
    data = read_coco((train.replace(folder / "captions_train2017.json"), val), folder)
    assert [image["filepath"] for image in data["images"][:2]] == ["train2014", "train2017"]


@pytest.mark.parametrize(
    "split, ids, message",
    [
        ("test", [71, 70, 71], "coco_test_ids.npy: the caption id 71 stands there or in another"),
        ("test", [71, 420], "coco_test_ids.npy: the caption id 420 stands there or in another"),
        ("test", [71, 4], "coco_test_ids.npy: the caption id 4 is not in .*captions_val2014.json"),
        ("dev", [420, 71], "coco_test_ids.npy: .* 70 is of the image 7, which is in the split val"),
        ("dev", [[420]], r"coco_dev_ids.npy holds int64 \[1, 1\]"),
        ("dev", [1.5], "coco_dev_ids.npy holds float64"),
        ("dev", [], "coco_dev_ids.npy holds float64"),
    ],
)
def test_ids_that_do_not_fit_are_refused(files, split, ids, message):
    np.save(files[1] / f"coco_{split}_ids.npy", np.array(ids))
    if split == "dev" and 71 in np.ravel(ids):
        np.save(files[1] / "coco_test_ids.npy", np.array([70]))
    with pytest.raises(InputError, match=message):
        read_coco(*files)


def test_objects_are_never_unpickled(files):
    np.save(
        files[1] / "coco_test_ids.npy", np.array([[]] * 2 + [None], dtype=object), allow_pickle=True
    )
    with pytest.raises(InputError, match="coco_test_ids.npy is no .npy file of numbers"):
        read_coco(*files)


def test_a_missing_file_of_ids_is_named(files):
    (files[1] / "coco_restval_ids.npy").unlink()
    with pytest.raises(InputError, match="coco_restval_ids.npy does not exist: give --coco-ids"):
        read_coco(*files)


def without(key):
    data = annotations(VAL)
    del data["images" if key == "file_name" else "annotations"][0][key]
    return data


@pytest.mark.parametrize(
    "content, message",
    [
        ({"images": []}, "has no list 'annotations'"),
        ({"annotations": []}, "has no list 'images'"),
        ([], "has no list 'images'"),
        (without("file_name"), "image 0 has no 'file_name'"),
        (without("caption"), "annotation 0 has no 'caption'"),
        (without("image_id"), "annotation 0 has no 'image_id'"),
        (
            {**annotations(VAL), "images": []},
            "annotation 0 is of the image 42, which 'images' does",
        ),
        (annotations(TRAIN), "annotation 0 has the id 90, which another has too"),
        ({**annotations(VAL), "images": 2 * annotations(VAL)["images"]}, "has the id 42, which"),
    ],
)
def test_annotations_that_do_not_fit_are_refused(files, content, message):
    files[0][1].write_text(json.dumps(content))
    with pytest.raises(InputError, match=f"captions_val2014.json.*{message}"):
        read_coco(*files)
