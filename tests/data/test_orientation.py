"""Which data sets' photographs are turned as EXIF says; whoever opens one turns it."""

import json

import numpy as np
import pytest
from turned import is_upright, save_lying, sky_above_grass

from vsepp import ImageTextDataset, create_dataset, mktrainval
from vsepp.data.dataset import open_dataset
from vsepp.data.images import image_size, open_image
from vsepp.data.orientation import obeys_exif
from vsepp.data.prepared import Prepared
from vsepp.data.stored.image_store import ImageStore
from vsepp.data.transforms import resize
from vsepp.system.errors import InputError

KARPATHYS = {"images": [{"filename": "a.jpg"}]}
OF_A_TABLE = {**KARPATHYS, "tokenizer": "words"}
OF_COCOS_IDS = {"images": [{"filename": "a.jpg", "cocoid": 7}], "tokenizer": "words"}


@pytest.mark.parametrize(
    "choice, content, turned",
    [
        ("auto", KARPATHYS, False),
        ("auto", OF_A_TABLE, True),
        ("auto", OF_COCOS_IDS, False),
        (True, KARPATHYS, True),
        (False, OF_A_TABLE, False),
    ],
)
def test_by_itself_only_photographs_of_ones_own_are_turned(choice, content, turned):
    assert obeys_exif(choice, content) is turned


@pytest.fixture
def lying(prepared):
    """The data set `tiny`, its photographs replaced by lying ones (PNG), not prepared anew."""
    for number, path in enumerate(sorted((prepared.folder / "images").iterdir())):
        save_lying(sky_above_grass(number % 8), path)
    return prepared


def prepare(data, **options):
    return create_dataset(str(data.data_dir), data.dataset, min_word_count=0, **options)


def train_split(data, **options):
    return ImageTextDataset(data.folder, data.vocab, "train", **options)


@pytest.mark.parametrize("exif, turned", [("auto", False), (False, False), (True, True)])
def test_the_choice_is_kept_and_every_item_obeys_it(lying, capsys, exif, turned):
    prepare(lying, exif=exif)

    assert json.loads((lying.folder / "prepared.json").read_text())["options"]["exif"] is turned
    assert Prepared(lying.folder).exif is turned
    how = "turned as EXIF says (--exif yes)"
    if not turned:
        how = "read as they are stored, whatever EXIF says (--exif no)"
    assert capsys.readouterr().out.splitlines()[-1] == f"tiny photographs: {how}"
    datasets = [train_split(lying), open_dataset(lying.folder, "train")]
    datasets += [loader.dataset for loader in mktrainval(lying.folder, lying.vocab, 4)]
    assert [dataset.exif for dataset in datasets] == [turned] * 5
    assert all(is_upright(dataset.photograph(0)) is turned for dataset in datasets)
    assert is_upright(train_split(lying)[0][0]) is turned
    assert is_upright(train_split(lying, exif=not turned)[0][0]) is not turned


def test_what_was_prepared_before_there_was_a_choice_is_not_turned(lying):
    path = lying.folder / "prepared.json"
    content = json.loads(path.read_text())
    del content["options"]["exif"]
    path.write_text(json.dumps(content))

    assert Prepared(lying.folder).exif is False and not is_upright(train_split(lying)[0][0])
    path.unlink()  # as of another program
    assert not is_upright(train_split(lying)[0][0])


def test_a_choice_that_is_none_is_refused(prepared):
    path = prepared.folder / "prepared.json"
    content = json.loads(path.read_text())
    content["options"]["exif"] = "yes"
    path.write_text(json.dumps(content))

    with pytest.raises(InputError, match=r"exif is 'yes', not true or false: run .*--force"):
        Prepared(prepared.folder)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_a_header_says_the_size_that_a_turned_photograph_has(tmp_path, suffix):
    for orientation in range(1, 9):
        path = tmp_path / f"{orientation}{suffix}"
        save_lying(sky_above_grass(), path, orientation)

        assert image_size(path, exif=True) == open_image(path, exif=True).size == (48, 64)
        assert is_upright(open_image(path, exif=True))


def test_decoded_images_are_turned_and_kept_apart_from_others(tmp_path):
    paths = [tmp_path / f"{orientation}.jpg" for orientation in range(1, 9)]
    for orientation, path in enumerate(paths, 1):
        save_lying(sky_above_grass(orientation), path, orientation)
    names = list(map(str, paths))
    turned, plain = ImageStore(tmp_path, 24, exif=True), ImageStore(tmp_path, 24)

    for store in (turned, plain):
        store.write("train", names, paths, log=lambda line: None)

    for store, exif in ((turned, True), (plain, False)):
        for pixels, path in zip(store.read("train", names), paths):
            np.testing.assert_array_equal(pixels, np.asarray(resize(open_image(path, exif), 24)))
    assert all(map(is_upright, turned.read("train", names)))
    assert sorted(path.name for path in (tmp_path / "decoded").glob("*.json")) == [
        "train-24-exif.json",
        "train-24.json",
    ]
    assert "exif" not in json.loads((tmp_path / "decoded/train-24.json").read_text())
