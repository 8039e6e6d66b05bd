"""Captions and photographs end up where a data set's files belong."""

import io
import json
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from vsepp.data.captions.captions import Captions
from vsepp.data.karpathy import KarpathyImage
from vsepp.data.sources.image_sources import open_source
from vsepp.data.sources.placing import find_images, find_mounted, in_words, missing_images
from vsepp.data.sources.placing import place_images as place_found
from vsepp.system.errors import InputError


def place_images(wanted, path, folder):
    """Find and place what a source holds of the images."""
    with open_source(path) as source:
        return place_found(find_images(wanted, source), source, folder)


def images(*names):
    return [KarpathyImage(name, "train", (("a", "dog"),)) for name in names]


def karpathy(dataset="pets", filename="a.jpg"):
    return {
        "dataset": dataset,
        "images": [
            {
                "filename": filename,
                "split": "train",
                "imgid": 0,
                "sentids": [0],
                "sentences": [{"tokens": ["a", "dog"], "raw": "A dog", "imgid": 0, "sentid": 0}],
            }
        ],
    }


def placed(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def make_source(kind, path, files):
    """A folder, .zip or .tar with ``files``."""
    if kind == "folder":
        for name, data in files.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(data)
        return path
    path = path.with_suffix("." + kind)
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in files.items():
                archive.writestr(name, data)
    else:
        with tarfile.open(path, "w") as archive:
            for name, data in files.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
    return path


@pytest.fixture(params=["folder", "zip", "tar"])
def source(request, tmp_path):
    """A function that makes a source of each kind from ``{name: bytes}``."""
    return lambda files: make_source(request.param, tmp_path / "source", files)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "pets" / "images"


def test_images_are_found_at_any_depth_and_only_those_asked_for(source, folder):
    made = source({"a.jpg": b"a", "deep/er/b.jpg": b"b", "c.jpg": b"c"})
    assert place_images(images("a.jpg", "b.jpg"), made, folder) == 2
    assert placed(folder) == {"a.jpg": b"a", "b.jpg": b"b"}


def test_filepath_tells_images_of_one_name_apart(source, folder):
    made = source({"coco/train/1.jpg": b"train", "coco/val/1.jpg": b"valid"})
    place_images(images("train/1.jpg", "val/1.jpg"), made, folder)
    assert placed(folder) == {"train/1.jpg": b"train", "val/1.jpg": b"valid"}


def test_filepath_may_be_absent_from_the_source(source, folder):
    place_images(images("val/1.jpg"), source({"all/1.jpg": b"one"}), folder)
    assert placed(folder) == {"val/1.jpg": b"one"}


def test_a_folder_packed_twice_is_no_ambiguity(source, folder):
    made = source({"flickr/1.jpg": b"one", "flickr/flickr/1.jpg": b"one"})
    place_images(images("1.jpg"), made, folder)
    assert placed(folder) == {"1.jpg": b"one"}


def test_two_different_pictures_of_one_name_are_refused(source, folder):
    made = source({"cats/1.jpg": b"cat", "dogs/1.jpg": b"a dog"})
    with pytest.raises(InputError, match="two different files for the image '1.jpg'"):
        place_images(images("1.jpg"), made, folder)


def test_the_exact_path_beats_others_of_that_name(source, folder):
    place_images(images("1.jpg"), source({"1.jpg": b"large", "thumbs/1.jpg": b"s"}), folder)
    assert placed(folder) == {"1.jpg": b"large"}


def test_what_is_in_place_with_the_same_size_stays(source, folder):
    made = source({"a.jpg": b"new a", "b.jpg": b"new b", "c.jpg": b"new c"})
    folder.mkdir(parents=True)
    (folder / "a.jpg").write_bytes(b"old a")
    (folder / "b.jpg").write_bytes(b"half")
    assert place_images(images("a.jpg", "b.jpg", "c.jpg"), made, folder) == 2
    assert placed(folder) == {"a.jpg": b"old a", "b.jpg": b"new b", "c.jpg": b"new c"}
    assert place_images(images("a.jpg", "b.jpg", "c.jpg"), made, folder) == 0


def test_missing_images_are_passed_over_unless_all_are_missing(source, folder):
    made = source({"a.jpg": b"a"})
    place_images(images("a.jpg", "b.jpg"), made, folder)
    assert missing_images(images("a.jpg", "b.jpg"), folder) == images("b.jpg")
    with pytest.raises(InputError, match="source.* holds none of the 1 images.*such as 'a.jpg'"):
        place_images(images("b.jpg"), made, folder)


def test_archives_within_an_archive_are_named(source, folder):
    made = source({"c.csv": b"", "deep/photos.zip": b"PK", "deep/two.rar": b""})
    with pytest.raises(
        InputError, match=r"other archives \('deep/photos.zip', 'deep/two.rar'\): unpack"
    ):
        place_images(images("a.jpg"), made, folder)


def test_one_file_may_serve_two_names(source, folder):
    made = source({"1.jpg": b"one"})
    place_images(images("x/1.jpg", "y/1.jpg"), made, folder)
    with open_source(made) as opened:
        matching = find_images(images("x/1.jpg", "y/1.jpg"), opened)
    assert "1 of these names are of a file that another name is of" in in_words(matching, "made")
    assert placed(folder) == {"x/1.jpg": b"one", "y/1.jpg": b"one"}


def test_a_folder_is_linked_not_copied(tmp_path, folder):
    made = make_source("folder", tmp_path / "source", {"a.jpg": b"a"})
    place_images(images("a.jpg"), made, folder)
    assert os.path.samefile(made / "a.jpg", folder / "a.jpg")


def test_a_disk_without_links_gets_copies(tmp_path, folder, monkeypatch):
    def refuse(*arguments, **options):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    place_images(images("a.jpg"), make_source("folder", tmp_path / "s", {"a.jpg": b"a"}), folder)
    assert placed(folder) == {"a.jpg": b"a"}


@pytest.mark.skipif(os.name == "nt", reason="symbolic links need rights there")
def test_links_to_folders_are_followed_but_not_in_a_circle(tmp_path, folder):
    make_source("folder", tmp_path / "elsewhere", {"a.jpg": b"a"})
    made = tmp_path / "source"
    made.mkdir()
    (made / "linked").symlink_to(tmp_path / "elsewhere")
    (made / "circle").symlink_to(made)
    place_images(images("a.jpg"), made, folder)
    assert placed(folder) == {"a.jpg": b"a"}
    assert not (folder / "a.jpg").is_symlink()


def test_the_images_folder_itself_is_a_fine_source(folder):
    folder.mkdir(parents=True)
    (folder / "a.jpg").write_bytes(b"a")
    assert place_images(images("a.jpg"), folder, folder) == 0
    assert placed(folder) == {"a.jpg": b"a"}


def test_karpathy_json_is_copied_byte_for_byte(tmp_path):
    text = json.dumps(karpathy(), indent=3).encode()
    (tmp_path / "some.json").write_bytes(text)
    captions = Captions.read(tmp_path / "some.json")
    captions.place(tmp_path / "pets", "pets")
    assert captions.dataset == "pets"
    assert (tmp_path / "pets/dataset_pets.json").read_bytes() == text


def test_a_byte_order_mark_is_not_copied(tmp_path):
    text = json.dumps(karpathy())
    (tmp_path / "some.json").write_text(text, encoding="utf-8-sig")
    Captions.read(tmp_path / "some.json").place(tmp_path / "pets", "pets")
    assert (tmp_path / "pets/dataset_pets.json").read_bytes() == text.encode()


def test_a_table_becomes_karpathy_json(tmp_path):
    (tmp_path / "pets.csv").write_text("filename,caption,split\na.jpg,A dog,train\n")
    captions = Captions.read(tmp_path / "pets.csv")
    captions.place(tmp_path / "pets", captions.dataset)
    written = json.loads((tmp_path / "pets/dataset_pets.json").read_text(encoding="utf-8"))
    assert written == {**karpathy(), "tokenizer": "words"}


def test_captions_that_lead_out_of_the_images_folder_are_refused(tmp_path):
    (tmp_path / "some.json").write_text(json.dumps(karpathy(filename="../../a.jpg")))
    with pytest.raises(InputError, match="leaves the images folder"):
        Captions.read(tmp_path / "some.json")


def test_captions_are_found_anywhere_in_an_archive(tmp_path):
    text = json.dumps(karpathy("flickr8k")).encode()
    path = make_source("zip", tmp_path / "x", {"deep/dataset_flickr8k.json": text, "a.jpg": b"a"})
    for dataset in ("flickr8k", None):
        captions = Captions.find_in(path, dataset)
        assert (captions.dataset, captions.data) == ("flickr8k", text)
    assert Captions.find_in(path, "coco") is None


def test_of_several_captions_in_an_archive_one_must_be_named(tmp_path):
    path = make_source(
        "zip",
        tmp_path / "x",
        {f"dataset_{name}.json": json.dumps(karpathy(name)).encode() for name in ("coco", "pets")},
    )
    with pytest.raises(InputError, match="captions of coco, pets: choose one with --dataset"):
        Captions.find_in(path)
    assert Captions.find_in(path, "coco").dataset == "coco"


def test_broken_captions_in_an_archive_are_named(tmp_path):
    path = make_source("zip", tmp_path / "x", {"dataset_pets.json": b"{"})
    with pytest.raises(InputError, match="dataset_pets.json in .*x.zip is not JSON"):
        Captions.find_in(path)


def test_the_mounted_archive_is_looked_for_here_then_at_home(tmp_path, monkeypatch):
    here, home = tmp_path / "here", tmp_path / "home"
    for folder in (here, home / "data/data777"):
        folder.mkdir(parents=True)
    monkeypatch.chdir(here)
    monkeypatch.setattr(Path, "home", lambda: home)
    assert find_mounted("flickr8k") is None
    (home / "data/data777/flickr8k.zip").touch()
    assert find_mounted("flickr8k") == home / "data/data777/flickr8k.zip"
    (here / "data/data12").mkdir(parents=True)
    (here / "data/data12/flickr8k.zip").touch()
    assert find_mounted("flickr8k") == Path("data/data12/flickr8k.zip")
