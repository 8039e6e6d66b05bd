"""Captions that lie in folders and archives are found there, beside the photographs or alone."""

import json
import zipfile

import pytest

from vsepp.data.captions.captions import Captions
from vsepp.system.errors import InputError

TABLE = "image,caption\n" + "".join(f"{n}.jpg,a dog {n}\n" for n in range(4))
PHOTOGRAPHS = {f"Images/{n}.jpg": "" for n in range(4)}


@pytest.fixture(params=["folder", "zip"])
def place(request, tmp_path):
    """From files to the folder or the archive that holds them."""

    def place(files, name="pets"):
        if request.param == "zip":
            path = tmp_path / f"{name}.zip"
            with zipfile.ZipFile(path, "w") as archive:
                for inside, text in files.items():
                    archive.writestr(inside, text)
            return path
        for inside, text in files.items():
            target = tmp_path / name / inside
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        return tmp_path / name

    return place


def names(captions):
    return [(image.name, *image.sentences) for image in captions.images]


def test_kaggles_archive_holds_its_captions(place):
    noise = {"Images/.hidden.txt": "x", "__MACOSX/captions.txt": TABLE, "readme.txt": "Hello\nyou"}
    noise["#recycle/old.csv"] = TABLE.replace("dog", "cat")
    path = place({**PHOTOGRAPHS, **noise, "captions.txt": TABLE, "again/captions.txt": TABLE})
    for captions in (Captions.find_in(path), Captions.read(path)):
        assert captions.dataset == "pets"
        assert "Flickr8k" in captions.recognised
        assert names(captions)[0] == ("0.jpg", "a dog 0")


def test_nothing_is_found_among_photographs(place):
    assert Captions.find_in(place({**PHOTOGRAPHS, "readme.txt": "Hello\nyou"})) is None


def test_a_table_of_photographs_holds_no_captions(tmp_path):
    (tmp_path / "muge_train_imgs.tsv").write_text("1\t/9j/4AAQSkZJRgABAQ==\n")
    assert Captions.find_in(tmp_path / "muge_train_imgs.tsv") is None


def test_labels_beside_captions_are_not_looked_into(place):
    labels = {f"labels/{n}.txt": "0 0.5 0.5 1 1\n" for n in range(101)}
    assert names(Captions.find_in(place({**PHOTOGRAPHS, **labels, "a.csv": TABLE})))
    with pytest.raises(InputError, match=r"none of its 101 \.txt files was looked into"):
        Captions.read(place({"Images/a.jpg": "", **labels}, "labels_alone"))


def test_several_files_of_one_kind_must_be_chosen_from(place):
    path = place({**PHOTOGRAPHS, "a.csv": TABLE, "deep/b.csv": TABLE.replace("dog", "cat")})
    with pytest.raises(
        InputError, match="2 files with captions .*choose one with --captions a.csv"
    ):
        Captions.find_in(path)
    assert names(Captions.find_in(path, name="b.csv"))[0] == ("0.jpg", "a cat 0")
    assert Captions.find_in(path, name="c.csv") is None


def test_of_several_karpathy_jsons_the_data_sets_name_chooses(place):
    def karpathy(name):
        entry = {"filename": f"{name}.jpg", "split": "train", "sentences": [{"tokens": ["a"]}]}
        return json.dumps({"dataset": name, "images": [entry]})

    path = place({f"dataset_{name}.json": karpathy(name) for name in ("coco", "flickr8k")})
    with pytest.raises(InputError, match="captions of coco, flickr8k: choose one with --dataset"):
        Captions.read(path)
    captions = Captions.read(path, dataset="flickr8k")
    assert captions.is_karpathys and captions.images[0].name == "flickr8k.jpg"


def test_files_of_several_splits_belong_together(place):
    files = {
        f"annotations/{split}.json": json.dumps([{"image": f"{split}.jpg", "caption": "a"}])
        for split in ("train", "val", "test")
    }
    other = {
        "annotations/instances_val.json": '{"images": [], "annotations": [], "categories": []}'
    }
    captions = Captions.find_in(place({**files, **other}))
    assert {image.name: image.split for image in captions.images} == {
        f"{split}.jpg": split for split in ("train", "val", "test")
    }


def test_metadata_name_photographs_beside_them(place):
    row = "file_name,text\n1.jpg,a dog\n"
    files = {f"{split}/metadata.csv": row for split in ("train", "validation")}
    captions = Captions.read(place(files))
    assert [(image.name, image.split) for image in captions.images] == [
        ("train/1.jpg", "train"),
        ("validation/1.jpg", "val"),
    ]


def test_metadata_given_one_by_one_do_the_same(tmp_path):
    paths = []
    for split in ("train", "test"):
        path = tmp_path / "pets" / split / "metadata.jsonl"
        path.parent.mkdir(parents=True)
        path.write_text('{"file_name": "1.jpg", "text": "a dog"}\n')
        paths.append(path)
    captions = Captions.read(paths)
    assert captions.dataset == "pets"
    assert [image.name for image in captions.images] == ["train/1.jpg", "test/1.jpg"]


def test_texts_beside_photographs_are_their_captions(place):
    files = {
        "1.jpg": "",
        "1.txt": "one dog\r\n\r\nit runs\n",
        "2.png": "",
        "2.caption": "a cat",
        "3.jpg": "",
        "4.jpg": "",
        "4.txt": "",
        "readme.txt": "Hello",
        "deep/1.jpg": "",
        "deep/1.txt": "another",
    }
    captions = Captions.read(place(files))
    assert sorted(names(captions)) == [
        ("1.jpg", "one dog", "it runs"),
        ("2.png", "a cat"),
        ("deep/1.jpg", "another"),
    ]
    assert "texts beside the photographs" in captions.recognised
    said = " ".join(captions.remarks)
    assert "2 photographs without any caption left out (3.jpg, 4.jpg)" in said
    assert "1 text without a photograph beside passed over (readme.txt)" in said


def test_texts_alone_are_captions_of_photographs_elsewhere(place):
    captions = Captions.read(place({"a.txt": "one", "b.txt": "两只狗"}))
    assert names(captions) == [("a", "one"), ("b", "两只狗")]


def test_texts_in_another_encoding_are_counted(tmp_path):
    for number in range(2):
        (tmp_path / f"{number}.jpg").write_bytes(b"")
        (tmp_path / f"{number}.txt").write_bytes("两只狗在跑".encode("gbk"))
    captions = Captions.read(tmp_path)
    assert captions.images[0].sentences == ("两只狗在跑",)
    assert "2 texts read as GB18030" in captions.remarks[0]


def test_folders_of_texts_are_splits_by_their_names(tmp_path):
    for split in ("train", "val"):
        (tmp_path / split).mkdir()
        (tmp_path / split / "1.jpg").write_bytes(b"")
        (tmp_path / split / "1.txt").write_text("a dog")
    captions = Captions.read([tmp_path / "train", tmp_path / "val"])
    assert [(image.name, image.split) for image in captions.images] == [
        ("train/1.jpg", "train"),
        ("val/1.jpg", "val"),
    ]


def test_a_folder_without_captions_says_what_was_looked_at(tmp_path):
    (tmp_path / "a.json").write_text('[{"image": "a.jpg", "words": "x"}]')
    (tmp_path / "a.csv").write_text("url,caption\nhttp://a/1.jpg,x\n")
    with pytest.raises(InputError, match="holds no captions in a known format .*image addresses"):
        Captions.read(tmp_path)


def test_the_file_that_is_named_among_several_can_be_given(place):
    path = place({"a.csv": TABLE, "b c/b.csv": TABLE.replace("dog", "cat")})
    with pytest.raises(InputError, match=f"choose one with --captions '?{path}/"):
        Captions.read(path)
    assert names(Captions.read(path / "b c" / "b.csv"))[0] == ("0.jpg", "a cat 0")


def test_a_file_in_an_archive_is_called_as_its_owner_calls_it(tmp_path, monkeypatch):
    data = "标注.csv".encode("gbk").decode("cp437")
    as_windows = lambda entry: (entry.filename.encode("cp437"), 0)  # noqa: E731
    monkeypatch.setattr(zipfile.ZipInfo, "_encodeFilenameFlags", as_windows)
    with zipfile.ZipFile(tmp_path / "pets.zip", "w") as archive:
        archive.writestr(data, TABLE)
    for name in ("标注.csv", data):
        assert len(Captions.find_in(tmp_path / "pets.zip", name=name).images) == 4


def test_objects_beside_photographs_hold_their_captions(place):
    files = {f"0/{n}.json": json.dumps({"caption": f"a dog {n}", "key": "x"}) for n in range(3)}
    files.update({f"0/{n}.jpg": "" for n in range(4)}, **{"0/3.json": "{}", "stats.json": "{}"})
    captions = Captions.find_in(place(files))
    assert names(captions) == [(f"0/{n}.jpg", f"a dog {n}") for n in range(3)]
    assert "objects beside the photographs" in captions.recognised
    said = " ".join(captions.remarks)
    assert "1 object without a caption passed over (0/3.json)" in said and "stats.json" in said


def test_a_table_among_texts_is_named(place):
    captions = Captions.find_in(place({"0.jpg": "", "0.txt": "a dog", "index.csv": TABLE}))
    assert names(captions) == [("0.jpg", "a dog")]
    assert "1 table not looked into" in captions.remarks[0]
