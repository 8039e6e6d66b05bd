"""``tools/prepare.py`` with caption files as people have them: what it says and what it makes."""

import io
import json
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from vsepp.cli import prepare
from vsepp.system.errors import InputError

NAMES = [f"{number}.jpg" for number in range(10)]
TOKENS = "".join(f"{name}#{n}\ta dog {n}\n" for name in NAMES for n in (1, 0))


def jpeg(number):
    file = io.BytesIO()
    Image.new("RGB", (12, 10), (20 * number, 80, 120)).save(file, "JPEG")
    return file.getvalue()


def write_images(folder):
    Path(folder).mkdir()
    for number, name in enumerate(NAMES):
        (Path(folder) / name).write_bytes(jpeg(number))


def write_zip(path, files):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for number, name in enumerate(NAMES):
            archive.writestr(f"Images/{name}", jpeg(number))
        for name, text in files.items():
            archive.writestr(name, text)


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    (tmp_path / "home").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")


@pytest.fixture
def run(capsys):
    """A function that runs the command and returns what it prints."""

    def run(*arguments):
        assert prepare.main([*arguments, "--min-word-count", "0", "--captions-per-image", "2"]) == 0
        return capsys.readouterr().out

    return run


def images(dataset):
    prepared = json.loads(Path("data", dataset, "prepared.json").read_text(encoding="utf-8"))
    return {name: split["images"] for name, split in prepared["splits"].items()}


def test_the_first_line_says_what_was_recognised_and_why(run):
    write_images("photos")
    Path("a.tsv").write_text(TOKENS)
    said = run("--captions", "a.tsv", "--images", "photos").splitlines()
    assert said[0] == (
        "Data set a: from --captions a.tsv and --images photos; the captions are a token file as "
        "of Flickr8k and Flickr30k (lines begin with name#n)."
    )
    assert said[1] == "Splits: none is named, so the images are divided 80/10/10 (seed 0)."
    assert images("a") == {"train": 8, "val": 1, "test": 1}
    written = json.loads(Path("data/a/train_sentences.json").read_text(encoding="utf-8"))
    assert written[:2] == ["a dog 0", "a dog 1"]


def test_several_files_and_what_is_said_of_one(run):
    write_images("photos")
    for name, part in (("c_train", NAMES[:6]), ("c_dev", NAMES[6:8]), ("more", NAMES[8:])):
        entries = [{"image": one, "caption": ["a dog", "a cat"]} for one in part]
        Path(f"{name}.json").write_text(json.dumps(entries))
    files = ["c_train.json", "c_dev.json", "more.json"]
    run("--captions", *files, "--images", "photos", "--split-of", "more.json=test")
    assert images("c_train") == {"train": 6, "val": 2, "test": 2}


def test_lists_of_splits(run):
    write_images("photos")
    Path("a.txt").write_text(TOKENS)
    for name, part in (("train", NAMES[:6]), ("test", NAMES[6:9])):
        Path(f"flickr8k{name}.txt").write_text("\n".join(part))
    lists = ["flickr8ktrain.txt", "flickr8ktest.txt"]
    said = run("--captions", "a.txt", "--images", "photos", "--splits", *lists)
    assert images("a") == {"train": 6, "test": 3}
    assert "1 photograph with captions but on no list left out (9.jpg)" in said


def test_a_folder_of_texts_brings_its_photographs(run):
    write_images("pets")
    for name in NAMES:
        Path("pets", name).with_suffix(".txt").write_text("a dog\na cat\n")
    for more in ([], ["--images", "pets"]):
        said = run("--captions", "pets", *more)
        assert "texts beside the photographs" in said.splitlines()[0]
    assert images("pets") == {"train": 8, "val": 1, "test": 1}


def test_captions_within_the_archive_are_found(run):
    table = "image,caption\n" + "".join(f"{name},a dog\n" for name in NAMES)
    write_zip("pets.zip", {"captions.txt": table})
    said = run("--images", "pets.zip")
    assert "Data set pets: from --images pets.zip; the captions are a table like Kaggle's" in said
    assert images("pets") == {"train": 8, "val": 1, "test": 1}


def test_of_several_captions_within_the_archive_one_is_named(run):
    table = "image,caption\n" + "".join(f"{name},a dog\n" for name in NAMES)
    write_zip("pets.zip", {"a.csv": table, "deep/b.csv": table.replace("dog", "cat")})
    with pytest.raises(InputError, match="choose one with --captions a.csv"):
        run("--images", "pets.zip")
    run("--images", "pets.zip", "--captions", "deep/b.csv")
    assert "cat" in Path("data/pets/vocab.json").read_text(encoding="utf-8")
    with pytest.raises(InputError, match="c.csv does not exist, nor is it in pets.zip"):
        run("--images", "pets.zip", "--captions", "c.csv")


@pytest.mark.parametrize("where", ["inside", "beside"])
def test_captions_are_found_in_and_beside_the_mounted_archive(run, where):
    files = {"text/Flickr8k.token.txt": TOKENS}
    write_zip("data/data9/flickr8k.zip", files if where == "inside" else {})
    if where == "beside":
        Path("data/data9/Flickr8k.token.txt").write_text(TOKENS)
    first = run().splitlines()[0]
    assert "from the mounted archive" in first and "token file" in first
    assert images("flickr8k") == {"train": 8, "val": 1, "test": 1}


def test_chinese_captions_need_no_tokenizer(run):
    write_images("photos")
    text = "".join(f"{name}#zhc#0 两个男人在看着院子\n" for name in NAMES)
    Path("zh.txt").write_bytes(text.encode("gb18030"))
    said = run("--captions", "zh.txt", "--images", "photos")
    assert "zh.txt: it is not UTF-8; read as GB18030." in said
    assert "院子" in json.loads(Path("data/zh/vocab.json").read_text(encoding="utf-8"))


def test_running_it_again_changes_nothing(run):
    write_images("photos")
    Path("a.csv").write_text("image,caption\n" + "".join(f"{name},a dog\n" for name in NAMES[:5]))
    arguments = ("--captions", "a.csv", "--images", "photos")
    run(*arguments)
    assert "is prepared with these options already" in run(*arguments)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--captions", "a.csv", "--images", "photos", "--split-of", "a.csv"], "no FILE=SPLIT"),
        (["--captions", "a.csv", "--images", "photos", "--splits", ""], "--splits is empty"),
        (["--captions", "", "--images", "photos"], "--captions is empty"),
        (["--precomp", "photos", "--splits", "photos"], "--splits and --split-of are for"),
        (["--splits", "photos"], "give these with --captions or --images"),
        (["--captions", "photos"], "photos holds no captions in a known format"),
    ],
)
def test_mistakes_are_named(run, arguments, message):
    write_images("photos")
    Path("a.csv").write_text("image,caption\n0.jpg,a dog\n")
    with pytest.raises(InputError, match=message):
        run(*arguments)


def test_a_data_set_without_validation_says_how_to_have_one(run):
    write_images("photos")
    rows = "".join(f"{name},a dog,{'test' if name == '9.jpg' else 'train'}\n" for name in NAMES)
    Path("pets.csv").write_text(f"image,caption,split\n{rows}", encoding="utf-8")
    said = run("--captions", "pets.csv", "--images", "photos")
    assert "pets has no validation images" in said and "Next:" not in said
    Path("pets.csv").write_text(
        f"image,caption,split\n{rows.replace('train', 'val', 1)}", encoding="utf-8"
    )
    assert "Next: " in run("--captions", "pets.csv", "--images", "photos", "--force")
