import json

import pytest

from vsepp.captioning.results_json import read_results, write_results
from vsepp.system.errors import InputError

PLAIN = ["./data/tiny/images/b.jpg", "./data/tiny/images/a.jpg", "./data/tiny/images/C.jpg"]
COCO = [
    "data/coco/images/val2014/COCO_val2014_000000391895.jpg",
    "data/coco/images/val2014/COCO_val2014_000000000002.jpg",
    "data/coco/images/val2014/COCO_val2014_000000000001.jpg",
]
FOLDERS = [f"data\\tiny\\images\\{name}" for name in ("x\\1.jpg", "y\\1.jpg", "y\\2.jpg")]
CAPTIONS = ["first", "second", "third"]


@pytest.fixture
def read(tmp_path):
    def read(entries, images=PLAIN):
        path = tmp_path / "results.json"
        path.write_text(json.dumps(entries), encoding="utf-8")
        return read_results(path, images, "test")

    return read


def entries(ids, captions=CAPTIONS):
    return [{"image_id": each, "caption": text} for each, text in zip(ids, captions)]


@pytest.mark.parametrize(
    "images, ids, matched",
    [
        (PLAIN, ["b.jpg", "a.jpg", "C.jpg"], "by their names"),
        (PLAIN, ["b", "a", "c"], "by their names"),
        (PLAIN, ["/elsewhere/images/b.jpg", "images/a.jpg", "c.JPG"], "by their names"),
        (PLAIN, [0, 1, 2], "by their places in the split"),
        (PLAIN, ["0", "1", "2"], "by their places in the split"),
        (COCO, [391895, 2, 1], "by the numbers in their names"),
        (COCO, ["000000391895", "2", "1"], "by the numbers in their names"),
        (COCO, [0, 1, 2], "by their places in the split"),
        (COCO, ["000000391895.jpg", "COCO_val2014_000000000002.jpg", "000000000001.jpg"],
         "by their names"),
        (FOLDERS, ["x/1.jpg", "y/1.jpg", "2.jpg"], "by their names"),
        (FOLDERS, ["images\\x\\1.jpg", "images\\y\\1.jpg", "y\\2.jpg"], "by their names"),
        (["i/1000092795.jpg", "i/10002456.jpg", "i/7.jpg"], [1000092795, 10002456, 7],
         "by the numbers in their names"),
    ],
)  # fmt: skip
def test_images_are_told_by_number_name_or_place(read, images, ids, matched):
    order = [2, 0, 1]  # the file's own
    shuffled = entries([ids[place] for place in order], [CAPTIONS[place] for place in order])

    assert read(shuffled, images) == (CAPTIONS, matched)


@pytest.mark.parametrize(
    "images, given, message",
    [
        (PLAIN, entries(["b.jpg", "a.jpg"]), r"no caption of 1 image \(.*C.jpg\); give one"),
        (PLAIN, entries([0]), r"the 3 images of the test split: it has no caption of 2 images"),
        (PLAIN, [], r"no caption of 3 images"),
        (PLAIN, entries(["b.jpg", "a.jpg", "d.jpg"]),
         r"no caption of 1 image \(.*C.jpg\) and captions of 1 image \(d.jpg\) that the split"),
        (PLAIN, entries([1, 2, 3]), r"b.jpg\) and captions of 1 image \(3\) that the split"),
        (PLAIN, entries(["a.jpg", "a.jpg"]), r"more than one caption of 1 image \(a.jpg\)"),
        (PLAIN, entries([0, "0"]), r"more than one caption of 1 image \(0\)"),
        (COCO[1:], entries([0, 1, 2, 3, 4, 5], "abcdef"), r"captions of 4 images \(0, 3, 4, …\)"),
        (["i/0.jpg", "i/2.jpg", "i/1.jpg"], entries([0, 1, 2]), "give the names of the files"),
        (FOLDERS, entries(["1.jpg", "2.jpg"]), r"1.jpg can be x/1.jpg and y/1.jpg"),
        (PLAIN, entries(["b.jpg", "B.JPG", "a.jpg"]), r"captions of 1 image \(B.JPG\)"),
        (PLAIN, {"annotations": []}, r"is not a list: give a list of \{\"image_id\""),
        (PLAIN, ["a dog"], "entry 0 is not an object"),
        (PLAIN, [{"caption": "a dog"}], "entry 0 has no 'image_id'"),
        (PLAIN, entries([True]), "entry 0 has no 'image_id'"),
        (PLAIN, entries([1.5]), "entry 0 has no 'image_id'"),
        (PLAIN, entries(["a.jpg"], [None]), "entry 0 has no 'caption'"),
        (PLAIN, entries(["9" * 5000, "a\x1b[2J"]), r"captions of 2 images .*a\\x1b\[2J"),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_split_is_refused_in_a_sentence(read, images, given, message):
    with pytest.raises(InputError, match=message) as error:
        read(given, images)
    assert "results.json" in str(error.value) and "\n" not in str(error.value)


def test_a_place_and_a_number_that_are_the_same_image_are_no_riddle(read):
    assert read(entries([2, 1, 0]), ["i/0.jpg", "i/1.jpg", "i/2.jpg"])[0] == CAPTIONS[::-1]


def test_what_is_missing_or_no_json_is_said(tmp_path):
    with pytest.raises(InputError, match="does not exist: give a list"):
        read_results(tmp_path / "none.json", PLAIN, "test")
    (tmp_path / "bad.json").write_text("[")
    with pytest.raises(InputError, match="is not JSON"):
        read_results(tmp_path / "bad.json", PLAIN, "test")


@pytest.mark.parametrize(
    "images, ids",
    [
        (PLAIN, ["b.jpg", "a.jpg", "C.jpg"]),
        (COCO, [391895, 2, 1]),
        (FOLDERS, ["x/1.jpg", "y/1.jpg", "y/2.jpg"]),
        ([*COCO[:2], "data/coco/images/train2014/COCO_train2014_000000000002.jpg"],
         ["val2014/COCO_val2014_000000391895.jpg", "val2014/COCO_val2014_000000000002.jpg",
          "train2014/COCO_train2014_000000000002.jpg"]),
    ],
)  # fmt: skip
def test_what_is_written_is_read_again(tmp_path, images, ids):
    path = tmp_path / "out" / "results.json"
    captions = ["a café", "", "小狗"]

    write_results(path, images, captions)

    assert json.loads(path.read_text(encoding="utf-8")) == entries(ids, captions)
    assert read_results(path, images, "test").captions == captions


def test_captions_of_fewer_images_are_not_written(tmp_path):
    with pytest.raises(InputError, match="2 captions for 3 images: give one"):
        write_results(tmp_path / "results.json", PLAIN, CAPTIONS[:2])
    assert not any(tmp_path.iterdir())
