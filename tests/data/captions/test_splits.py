"""Which split an image belongs to: a column, the name of its file, what is said, or lists."""

import json

import pytest

from vsepp.data.captions.captions import Captions
from vsepp.data.captions.split_names import splits_in
from vsepp.system.errors import InputError


def write(path, *names):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([{"image": name, "caption": ["a dog", "a cat"]} for name in names]))
    return path


def splits(captions):
    return {image.name: image.split for image in captions.images}


@pytest.mark.parametrize(
    "name, split",
    [
        ("captions_train2017", "train"),
        ("Flickr_8k.trainImages", "train"),
        ("flickr8ktrain", "train"),
        ("flickr30kzhbbosontrain", "train"),
        ("seg.flickr8kenctest.caption", "test"),
        ("coco-cn_val", "val"),
        ("flickr30k_dev", "val"),
        ("muge_valid_texts", "val"),
        ("my-validation-set", "val"),
        ("coco_karpathy_test", "test"),
        ("TESTING", "test"),
        ("coco_restval", "restval"),
        ("训练集", "train"),
        ("latest", None),
        ("contest_values", None),
        ("device_constraints", None),
    ],
)
def test_a_files_name_says_its_split(name, split):
    assert splits_in(name) == ({split} if split else set())


def test_names_of_splits_are_read_as_people_write_them(tmp_path):
    called = "Train training VAL valid Validation dev Test testing restval 训练 验证集".split()
    rows = "".join(f"{number}.jpg,a,{name}\n" for number, name in enumerate(called))
    (tmp_path / "a.csv").write_text("image,text,set\n" + rows, encoding="utf-8")
    found = list(splits(Captions.read(tmp_path / "a.csv")).values())
    assert found == "train train val val val val test test restval train val".split()


def test_of_several_files_each_is_a_split(tmp_path):
    paths = [
        write(tmp_path / f"coco_karpathy_{split}.json", f"{split}/1.jpg", f"{split}/2.jpg")
        for split in ("train", "val", "test")
    ]
    captions = Captions.read(paths)
    assert captions.dataset == "coco_karpathy"
    assert splits(captions) == {
        f"{split}/{number}.jpg": split for split in ("train", "val", "test") for number in (1, 2)
    }


def test_what_is_said_of_a_file_comes_before_its_name(tmp_path):
    paths = [write(tmp_path / "a_train.json", "1.jpg"), write(tmp_path / "b.json", "2.jpg")]
    captions = Captions.read(paths, split_of={str(paths[1]): "Valid", "a_train.json": "test"})
    assert splits(captions) == {"1.jpg": "test", "2.jpg": "val"}


def test_a_file_alone_is_divided_and_that_is_said(tmp_path):
    path = write(tmp_path / "a_train.json", *(f"{number}.jpg" for number in range(10)))
    captions = Captions.read(path)
    assert set(splits(captions).values()) == {"train", "val", "test"}
    assert "the file's name says train" in captions.remarks[-1]
    assert "--split-of a_train.json=train" in captions.remarks[-1]
    mended = Captions.read(path, split_of={"a_train.json": "train"})
    assert set(splits(mended).values()) == {"train"} and not mended.remarks


def test_several_files_that_say_no_split_are_divided_together(tmp_path):
    paths = [write(tmp_path / f"{name}.json", *(f"{name}{n}" for n in range(10))) for name in "ab"]
    captions = Captions.read(paths)
    assert len(captions.images) == 20
    assert list(splits(captions).values()).count("val") == 2


@pytest.mark.parametrize(
    "names, options, message",
    [
        ({"a_train": "1.jpg", "a_test": "1.jpg"}, {}, "puts 1.jpg into test, .* into train"),
        ({"a_train": "1.jpg", "b": "2.jpg"}, {}, "b.json says no split.*--split-of b.json=train"),
        ({"a": "1.jpg"}, {"split_of": {"b.json": "val"}}, "--split-of b.json: no such file"),
        ({"a": "1.jpg"}, {"split_of": {"a.json": "other"}}, "there is no split 'other'"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, names, options, message):
    paths = [write(tmp_path / f"{name}.json", image) for name, image in names.items()]
    with pytest.raises(InputError, match=message):
        Captions.read(paths, **options)


def test_a_karpathy_json_brings_its_splits(tmp_path):
    entry = {"filename": "a.jpg", "split": "train", "sentences": [{"tokens": ["a"], "raw": "a"}]}
    path = tmp_path / "k.json"
    path.write_text(json.dumps({"images": [entry]}))
    for options in ({"splits": [tmp_path]}, {"split_of": {"k.json": "train"}}):
        with pytest.raises(InputError, match="leave out --splits and --split-of"):
            Captions.read(path, **options)
    with pytest.raises(InputError, match="give it alone"):
        Captions.read([path, write(tmp_path / "a_val.json", "b.jpg")])


@pytest.fixture
def flickr8k(tmp_path):
    folder = tmp_path / "text"
    folder.mkdir()
    for name, photographs in (("train", "1 2"), ("dev", "3"), ("test", "4 9")):
        lines = "".join(f"{number}.jpg\r\n" for number in photographs.split())
        (folder / f"Flickr_8k.{name}Images.txt").write_text(lines)
    rows = "".join(f"{number}.jpg#{n}\tA dog {n}\n" for number in range(1, 6) for n in range(2))
    (folder / "Flickr8k.token.txt").write_text(rows)
    (folder / "Flickr8k.lemma.token.txt").write_text(rows.replace("dog", "be"))
    (folder / "readme.txt").write_text("Look here\nplease.\n")
    return folder


EXPECTED = {"1.jpg": "train", "2.jpg": "train", "3.jpg": "val", "4.jpg": "test"}


@pytest.mark.parametrize("by", ["folder", "files", "beside"])
def test_official_lists_say_the_splits(flickr8k, by):
    token = flickr8k / "Flickr8k.token.txt"
    lists = {"folder": [flickr8k], "files": sorted(flickr8k.glob("Flickr_*"))}.get(by)
    captions = Captions.read(flickr8k if by == "beside" else token, splits=lists)
    assert splits(captions) == EXPECTED
    assert captions.images[0].sentences == ("A dog 0", "A dog 1")
    said = " ".join(captions.remarks)
    assert "1 photograph with captions but on no list left out (5.jpg)" in said
    assert "1 listed photograph without captions (9.jpg)" in said
    assert [entry["imgid"] for entry in captions.content["images"]] == [0, 1, 2, 3]


def test_lists_and_captions_may_lack_the_suffixes(tmp_path):
    (tmp_path / "cn.txt").write_text("COCO_val2014_01#0\t狗\nCOCO_val2014_02#0\t猫\n", "utf-8")
    (tmp_path / "coco-cn_train.txt").write_text("COCO_val2014_01\n")
    (tmp_path / "b.txt").write_text("COCO_val2014_02.jpg\n")
    lists = [tmp_path / "coco-cn_train.txt", tmp_path / "b.txt"]
    captions = Captions.read(tmp_path / "cn.txt", splits=lists, split_of={"b.txt": "test"})
    assert splits(captions) == {"COCO_val2014_01": "train", "COCO_val2014_02": "test"}


@pytest.mark.parametrize(
    "files, message",
    [
        ({"a_train.txt": "1.jpg\n", "a_val.txt": "1.jpg\n"}, "puts '1.jpg' into val, another"),
        ({"a.txt": "1.jpg\n"}, "its name says no split"),
        ({"a_train.txt": "8.jpg\n"}, "none of the photographs that have captions is listed"),
        ({"a_train.txt": "1.jpg\ttrain\n"}, "line 1 reads .* no photograph's name alone"),
    ],
)
def test_lists_that_cannot_be_used_are_named(tmp_path, files, message):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message):
        Captions.read(
            write(tmp_path / "c.json", "1.jpg"), splits=[tmp_path / name for name in files]
        )


def test_a_folder_without_lists_is_named(tmp_path):
    with pytest.raises(InputError, match="holds no list of a split"):
        Captions.read(write(tmp_path / "c.json", "1.jpg"), splits=[tmp_path])


def test_a_list_that_is_missing_names_its_option(tmp_path):
    path = write(tmp_path / "a.json", "1.jpg")
    with pytest.raises(InputError, match="train.txt does not exist: check --splits"):
        Captions.read(path, splits=[tmp_path / "train.txt"])


def test_a_file_that_is_given_twice_is_refused(tmp_path):
    path = write(tmp_path / "a.json", "1.jpg")
    with pytest.raises(InputError, match="a.json is given twice"):
        Captions.read([path, tmp_path / "." / "a.json"])
