"""``tools/prepare.py --exif``: what it chooses by itself, keeps, and asks ``--force`` for."""

import json
from pathlib import Path

import pytest
from conftest import draw_picture, karpathy, sentences_about
from turned import is_upright, write_own

from vsepp import ImageTextDataset
from vsepp.cli import info, prepare
from vsepp.system.errors import InputError

TURNED = "mine photographs: turned as EXIF says (--exif yes)"
AS_STORED = "mine photographs: read as they are stored, whatever EXIF says (--exif no)"
LEFT = "data/mine is prepared with these options already; it is left as it is."


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """A function that prepares the photographs of a telephone and returns what is printed."""
    table, photographs = write_own(tmp_path)
    monkeypatch.chdir(tmp_path)

    def run(*arguments, captions=table):
        own = ["--captions", str(captions), "--images", str(photographs)] * bool(captions)
        few = ["--dataset", "mine", "--captions-per-image", "1", "--min-word-count", "0"]
        assert prepare.main([*own, *few, *arguments]) == 0
        return capsys.readouterr().out.splitlines()

    return run


def chosen():
    return json.loads(Path("data/mine/prepared.json").read_text())["options"]["exif"]


def upright():
    items = ImageTextDataset("data/mine", "data/mine/vocab.json", "train", captions_per_image=1)
    return is_upright(items[0][0])


def test_photographs_of_ones_own_stand_upright_and_that_is_said(run, capsys):
    assert TURNED in run()
    assert chosen() is True and upright()
    assert info.main(["data/mine", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["options"]["exif"] is True


def test_karpathys_json_is_read_as_it_was_published(run, tmp_path, capsys):
    images = [
        (f"{number}.jpg", split, sentences_about("red", "square"))
        for number, split in enumerate(["train", "train", "val", "test"])
    ]
    (tmp_path / "dataset_mine.json").write_text(json.dumps(karpathy(images, "mine")))

    assert AS_STORED in run(captions="dataset_mine.json")
    assert chosen() is False and not upright()
    lines = run("--exif", "yes", "--force", captions="dataset_mine.json")
    assert TURNED in lines and chosen() is True and upright()


def test_the_sample_is_of_a_karpathy_json(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    draw_picture(tmp_path / "data/sample/images/0.jpg", "red", "square")
    images = [("0.jpg", "train", sentences_about("red", "square"))]
    path = tmp_path / "data/sample/dataset_sample.json"
    path.write_text(json.dumps(karpathy(images, "sample")))

    assert prepare.main(["--dataset", "sample"]) == 0
    assert "read as they are stored" in capsys.readouterr().out


def test_another_choice_needs_force(run):
    run()
    before = Path("data/mine/prepared.json").read_bytes()

    with pytest.raises(InputError, match=r"prepared with exif yes instead of no,.*--force"):
        run("--exif", "no")

    assert Path("data/mine/prepared.json").read_bytes() == before
    assert AS_STORED in run("--exif", "no", "--force") and not upright()
    assert LEFT in run("--exif", "no")


@pytest.mark.parametrize("captions", [None, "mine.csv"])
def test_what_is_prepared_stays_where_nothing_is_said(run, captions):
    run("--exif", "no")

    assert LEFT in run(captions=captions) and chosen() is False


@pytest.mark.parametrize("captions", [None, "mine.csv"])
def test_what_was_prepared_before_there_was_a_choice_stays(run, captions):
    run("--exif", "no")
    path = Path("data/mine/prepared.json")
    content = json.loads(path.read_text())
    del content["options"]["exif"]
    path.write_text(json.dumps(content))
    before = path.read_bytes()

    assert LEFT in run(captions=captions) and LEFT in run("--exif", "no")
    assert path.read_bytes() == before and not upright()
    with pytest.raises(InputError, match="prepared with exif no instead of yes,.*--force"):
        run("--exif", "yes")
    Path("data/mine/val_data.json").unlink()  # written again, with the meaning that it had
    assert AS_STORED in run(captions=captions)


def test_prepared_anew_from_its_own_files_a_table_remains_ones_own(run):
    run("--exif", "no")

    assert TURNED in run("--force", captions=None)


def test_features_have_nothing_to_turn(run):
    with pytest.raises(InputError, match="--precomp brings no photographs to turn"):
        prepare.main(["--precomp", "folder", "--exif", "yes"])


def test_only_the_three_are_taken(run, capsys):
    with pytest.raises(SystemExit):
        run("--exif", "maybe")
    assert "choose from" in capsys.readouterr().err
