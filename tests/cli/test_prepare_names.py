"""``prepare`` with photographs under other names than the captions have, and with too few."""

import base64
import io
import json
import os
import unicodedata
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from vsepp.cli import prepare
from vsepp.system.errors import InputError

OPTIONS = ("--min-word-count", "0", "--captions-per-image", "1", "--tokenizer", "words")


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")


@pytest.fixture
def run(capsys):
    """A function that prepares ``mine.csv`` with more arguments and returns what it prints."""

    def run(*arguments, captions="mine.csv"):
        given = ("--captions", captions) if captions else ()
        assert prepare.main([*given, *map(str, arguments), *OPTIONS]) == 0
        return capsys.readouterr().out

    return run


def jpeg(number):
    file = io.BytesIO()
    Image.new("RGB", (12 + number, 10), (40 * number, 80, 120)).save(file, "JPEG")
    return file.getvalue()


def write_table(names, splits=None):
    """``mine.csv``, one caption to a name."""
    rows = [f"{name},a photo of {number}" for number, name in enumerate(names)]
    header = "filename,caption"
    if splits:
        header, rows = header + ",split", [f"{row},{split}" for row, split in zip(rows, splits)]
    Path("mine.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")


def write_photographs(folder, names):
    for number, name in enumerate(names):
        Path(folder, name).parent.mkdir(parents=True, exist_ok=True)
        Path(folder, name).write_bytes(jpeg(number % 6))


def prepared_names(folder="data/mine"):
    """File names of all splits, each of which is there and is a photograph."""
    names = []
    for path in sorted(Path(folder).glob("*_data.json")):
        for name in json.loads(path.read_text(encoding="utf-8"))["IMAGES"]:
            assert Path(name).read_bytes()[:2] == b"\xff\xd8"
            names.append(os.path.basename(name))
    return sorted(names)


def json_names():
    content = json.loads(Path("data/mine/dataset_mine.json").read_text(encoding="utf-8"))
    return sorted(image["filename"] for image in content["images"])


@pytest.mark.parametrize(
    "encoding, said",
    [("gbk", "GB18030 (Chinese)"), ("big5", "Big5 (Chinese, traditional)"), ("utf-8", "UTF-8")],
)
def test_a_zip_of_a_chinese_windows(run, encoding, said):
    names = [
        f"{word}.jpg" for word in ("成功", "許可", "海洋", "中文") for word in (word, word * 2)
    ]

    class Entry(zipfile.ZipInfo):
        def _encodeFilenameFlags(self):
            return self.filename.encode(encoding), 0

    with zipfile.ZipFile("照片.zip", "w") as archive:
        for number, name in enumerate(names):
            archive.writestr(Entry(f"照片/{name}"), jpeg(number % 6))
    write_table(names)

    printed = run("--images", "照片.zip")

    assert f"8 of 8 images matched in 照片.zip; names in it are read as {said}.\n" in printed
    assert prepared_names() == sorted(names)


def test_names_in_another_unicode_form(run):
    names = ["plain.jpg", *(f"café{number}.jpg" for number in range(10))]
    write_photographs("photos", [unicodedata.normalize("NFD", name) for name in names])
    write_table(names)

    printed = run("--images", "photos")

    assert "11 of 11 images matched in photos, 10 of them in another Unicode form.\n" in printed
    assert prepared_names() == json_names() == sorted(names)


def test_photographs_in_place_are_found_under_other_names_too(run):
    write_table(["café.jpg", "b.jpg", "c.jpg"])
    write_photographs("data/mine/images", [unicodedata.normalize("NFD", "café.jpg"), "B.JPG"])
    write_photographs("data/mine/images", ["c.jpg"])

    printed = run()

    assert (
        "3 of 3 images matched in data/mine/images, 1 of them in another Unicode form, "
        "1 of them in another case.\n"
    ) in printed
    assert prepared_names() == ["b.jpg", "c.jpg", "café.jpg"]
    assert "left as it is" in run() and "left as it is" in run("--dataset", "mine", captions=None)


def test_names_without_suffix_are_completed_and_stay_so(run):
    write_table(["1_aa", "x/2_bb", "3.jpg"])
    write_photographs("photos", ["1_aa.jpg", "x/2_bb.JPG", "3.jpg"])

    printed = run("--images", "photos")

    assert "3 of 3 images matched in photos, 2 of them completed by their suffix.\n" in printed
    assert prepared_names() == json_names() == ["1_aa.jpg", "2_bb.JPG", "3.jpg"]
    written = Path("data/mine/dataset_mine.json").read_bytes()
    for again in (("--images", "photos"), ()):
        assert "left as it is" in run(*again)
    assert "left as it is" in run("--dataset", "mine", captions=None)
    run("--images", "photos", "--force")
    assert Path("data/mine/dataset_mine.json").read_bytes() == written
    assert not list(Path("data/mine/images").glob("*_aa"))


def test_photographs_in_a_table_of_base64(run):
    write_table(["1000", "7", "22"])
    lines = [f"{name}\t{base64.b64encode(jpeg(1)).decode()}\n" for name in (7, 22, 1000)]
    Path("train_imgs.tsv").write_text("".join(lines))

    printed = run("--images", "train_imgs.tsv")

    assert "3 of 3 images matched in train_imgs.tsv, 3 of them completed" in printed
    assert prepared_names() == json_names() == ["1000.jpg", "22.jpg", "7.jpg"]
    assert "left as it is" in run("--images", "train_imgs.tsv")


def test_what_is_ambiguous_is_left_out_and_said(run):
    write_table(["a.jpg", "b.jpg", "c.jpg"], ["train"] * 3)
    write_photographs("photos", ["A.jpg", "a.JPG", "b.jpg", "c.jpg"])

    printed = run("--images", "photos")

    assert "2 of 3 images matched in photos.\n1 are not matched, because" in printed
    assert "  'a.jpg': 'A.jpg' or 'a.JPG'\n" in printed or "'a.JPG' or 'A.jpg'\n" in printed
    assert prepared_names() == ["b.jpg", "c.jpg"]


def test_splits_without_train_are_refused(run):
    write_table(["1.jpg", "2.jpg", "3.jpg"], ["test", "test", "val"])
    write_photographs("photos", ["1.jpg", "2.jpg", "3.jpg"])

    with pytest.raises(InputError) as error:
        run("--images", "photos")

    assert "leaves no training image: its split puts 2 into test and 1 into val" in str(error.value)
    assert "(looked for '1.jpg', '2.jpg', '3.jpg' in data/mine/images)" in str(error.value)
    assert not Path("data/mine/prepared.json").exists()
    write_table(["1.jpg", "2.jpg", "3.jpg"], ["train", "test", "val"])
    run("--images", "photos")


def test_training_images_that_are_missing_are_named_with_where_they_were_looked_for(run):
    write_table(["1.jpg", "2.jpg", "3.jpg", "4.jpg", "5.jpg"], ["train"] * 4 + ["test"])
    write_photographs("photos", ["5.jpg"])

    with pytest.raises(InputError, match="no image is left to train on.* none of the 4 files is"):
        run("--images", "photos")
    with pytest.raises(InputError, match="looked for '1.jpg', '2.jpg', '3.jpg', … among its 1"):
        Path("photos/5.jpg").rename("photos/6.jpg")
        run("--images", "photos")


def test_training_images_that_cannot_be_decoded_are_named(run):
    write_table(["1.jpg", "2.jpg"], ["train", "test"])
    write_photographs("photos", ["2.jpg"])
    Path("photos/1.jpg").write_bytes(b"no picture")

    with pytest.raises(InputError, match="no image is left to train on .*1.jpg is empty or not"):
        run("--images", "photos")


@pytest.mark.parametrize("split, words", [("test", ""), ("val", " --split val")])
def test_a_set_of_one_split_is_for_evaluation_alone(run, split, words):
    write_table(["1.jpg", "2.jpg"], [split] * 2)
    write_photographs("photos", ["1.jpg", "2.jpg"])

    lines = run("--images", "photos").splitlines()

    assert "mine has no training images: it is for evaluation alone" in lines
    assert lines[-1] == f"Next: python tools/eval.py --dataset mine{words}"
    assert prepared_names() == ["1.jpg", "2.jpg"]
