"""A Karpathy split is read, or the image that cannot be is named."""

import copy
import json

import pytest

from vsepp.data.karpathy import image_name, parse_karpathy, read_karpathy
from vsepp.system.errors import InputError

ENTRY = {
    "imgid": 7,
    "filename": "a.jpg",
    "split": "train",
    "sentids": [0, 1],
    "sentences": [
        {"sentid": 0, "imgid": 7, "tokens": ["a", "dog"], "raw": "A dog."},
        {"sentid": 1, "imgid": 7, "tokens": ["it", "runs"], "raw": "It runs."},
    ],
}


def entry(**changes):
    result = {**copy.deepcopy(ENTRY), **changes}
    return {key: value for key, value in result.items() if value is not ...}


def test_images_keep_their_order_and_their_captions():
    data = {"images": [entry(filename="b.jpg", split="test"), entry(filepath="val2014")]}

    first, second = parse_karpathy(data, "x.json")

    assert (first.name, first.split) == ("b.jpg", "test")
    assert (second.name, second.split) == ("val2014/a.jpg", "train")
    assert first.captions == second.captions == (("a", "dog"), ("it", "runs"))


def test_only_what_is_needed_has_to_be_there():
    data = {
        "images": [
            {
                "filename": "a.jpg",
                "split": "restval",
                "filepath": None,
                "sentences": [{"tokens": []}],
            }
        ]
    }

    (image,) = parse_karpathy(data, "x.json")

    assert (image.name, image.split, image.captions) == ("a.jpg", "restval", ((),))


def test_an_image_without_captions_is_read():
    assert parse_karpathy({"images": [entry(sentences=[])]}, "x.json")[0].captions == ()


@pytest.mark.parametrize("data", [None, [], "images", {}, {"images": {}}, {"images": None}])
def test_what_holds_no_list_of_images_is_refused(data):
    with pytest.raises(InputError, match="x.json has no list 'images'"):
        parse_karpathy(data, "x.json")


def test_an_empty_list_of_images_is_refused():
    with pytest.raises(InputError, match="x.json holds no images"):
        parse_karpathy({"images": []}, "x.json")


@pytest.mark.parametrize(
    "wrong, message",
    [
        ("a.jpg", "is not an object"),
        (None, "is not an object"),
        (entry(filename=...), "has no 'filename'"),
        (entry(filename=7), "has a malformed 'filename'"),
        (entry(filename=""), "leaves the images folder"),
        (entry(filename="../a.jpg"), "leaves the images folder"),
        (entry(filename="/etc/a.jpg"), "leaves the images folder"),
        (entry(filename="C:\\a.jpg"), "leaves the images folder"),
        (entry(filename="..\\a.jpg"), "leaves the images folder"),
        (entry(filename="a\0.jpg"), "leaves the images folder"),
        (entry(filepath="../.."), "leaves the images folder"),
        (entry(filepath="/etc"), "leaves the images folder"),
        (entry(split=...), "has no 'split'"),
        (entry(split=None), "has a malformed 'split'"),
        (entry(split="dev"), "unknown split 'dev': use one of train, val, test, restval"),
        (entry(sentences=...), "has no 'sentences'"),
        (entry(sentences={}), "has a malformed 'sentences'"),
        (entry(sentences=["a dog"]), "has a sentence without 'tokens'"),
        (entry(sentences=[{"raw": "A dog."}]), "has a sentence without 'tokens'"),
        (entry(sentences=[{"tokens": "a dog"}]), "has a sentence without 'tokens'"),
        (entry(sentences=[{"tokens": ["a", 7]}]), "has a sentence without 'tokens'"),
    ],
)
def test_a_malformed_image_is_named(wrong, message):
    with pytest.raises(InputError) as caught:
        parse_karpathy({"images": [entry(), wrong]}, "x.json")

    assert str(caught.value).startswith("x.json: image 1") and message in str(caught.value)


@pytest.mark.parametrize(
    "filename, filepath, name",
    [
        ("a.jpg", "", "a.jpg"),
        ("a.jpg", "val/2014", "val/2014/a.jpg"),
        ("sub/a.jpg", "", "sub/a.jpg"),
        ("a.jpg", "val\\2014", "val/2014/a.jpg"),
        ("./a.jpg", "./", "a.jpg"),
        ("a..jpg", "", "a..jpg"),
    ],
)
def test_names_are_relative_with_forward_slashes(filename, filepath, name):
    assert image_name(filename, filepath) == name


def test_a_file_is_read_with_or_without_a_byte_order_mark(tmp_path):
    path = tmp_path / "dataset_pets.json"

    for encoding in ("utf-8", "utf-8-sig"):
        path.write_text(json.dumps({"images": [ENTRY]}), encoding=encoding)
        assert [image.name for image in read_karpathy(path)] == ["a.jpg"]


def test_a_missing_file_says_how_to_give_one(tmp_path):
    with pytest.raises(InputError, match="does not exist.*--captions"):
        read_karpathy(tmp_path / "dataset_pets.json")


@pytest.mark.parametrize(
    "changes",
    [
        {"filename": "\ud800.png"},
        {"sentences": [{"tokens": ["a", "\ud800"], "raw": "a"}]},
        {"sentences": [{"tokens": ["a"], "raw": "\udfff"}]},
    ],
)
def test_half_a_character_is_refused_before_anything_is_written(changes):
    image = {"filename": "a.png", "split": "train", "sentences": [{"tokens": ["a"]}], **changes}

    with pytest.raises(InputError, match="x.json: image 0 has text that is not Unicode"):
        parse_karpathy({"images": [image]}, "x.json")
