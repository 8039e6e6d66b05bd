"""The authors' precomputed features become a prepared data set, or one sentence says why not."""

import json
import pickle

import numpy as np
import pytest

from vsepp.data.dataset import CaptionDataset
from vsepp.data.feature_dataset import FeatureTextDataset
from vsepp.data.precomp import Precomputed, create_precomputed
from vsepp.data.prepared import Prepared
from vsepp.data.stored.features import FeatureStore
from vsepp.system.errors import InputError

SIZE = 6
COUNTS = {"train": 4, "dev": 2, "test": 3}


def features(images, seed=0):
    return np.random.default_rng((seed, images)).normal(size=(images, SIZE)).astype(np.float32)


def sentences(split, images, per_image=5):
    return [
        f"A {split} dog, number {image} of {caption}."
        for image in range(images)
        for caption in range(per_image)
    ]


def write(folder, repeat=1, per_image=5):
    """Pairs of files with `repeat` equal rows and `per_image` captions for each image."""
    folder.mkdir()
    for split, images in COUNTS.items():
        lines = sentences(split, images, per_image)
        (folder / f"{split}_caps.txt").write_bytes("".join(f"{x}\n" for x in lines).encode())
        np.save(folder / f"{split}_ims.npy", np.repeat(features(images), repeat, axis=0))
    return folder


@pytest.fixture
def source(tmp_path):
    return write(tmp_path / "pets_precomp")


def create(source, data_dir, **changes):
    read = Precomputed(source)
    options = dict(captions_per_image=read.captions_per_image, min_word_count=0, max_len=30)
    return create_precomputed(read, str(data_dir), "pets", **{**options, **changes})


def stored(folder, split):
    images = json.loads((folder / f"{split}_data.json").read_text())["IMAGES"]
    return FeatureStore(folder, Prepared(folder).features).read(split, images)


@pytest.mark.parametrize("repeat", [1, 5], ids=["a row per image", "five equal rows per image"])
def test_five_captions_belong_to_one_row(tmp_path, repeat):
    prepared = create(write(tmp_path / "in", repeat), tmp_path)

    assert prepared["options"]["captions_per_image"] == 5
    assert {split: counts["images"] for split, counts in prepared["splits"].items()} == {
        "train": 4,
        "val": 2,
        "test": 3,
    }
    for split, theirs in (("train", "train"), ("val", "dev"), ("test", "test")):
        rows = stored(tmp_path / "pets", split)
        np.testing.assert_array_equal(rows, features(COUNTS[theirs]))
        dataset = FeatureTextDataset(tmp_path / "pets", tmp_path / "pets/vocab.json", split, rows)
        assert dataset.sentences() == sentences(theirs, COUNTS[theirs])
        assert (
            dataset.vocabulary.decode(dataset.captions[6])
            == f"a {'<unk>' if split == 'test' else theirs} dog , number 1 of 1 ."
        )


def test_as_many_different_rows_as_captions_are_as_many_images(tmp_path):
    source = write(tmp_path / "in", per_image=1)
    prepared = create(source, tmp_path)
    assert prepared["options"]["captions_per_image"] == 1
    assert prepared["splits"]["test"] == {"images": 3, "captions": 3, "left_out": 0}
    np.testing.assert_array_equal(stored(tmp_path / "pets", "test"), features(3))


def test_one_row_that_differs_is_an_image_of_its_own(tmp_path):
    source = write(tmp_path / "in", repeat=5)
    for split, images in COUNTS.items():
        rows = np.repeat(features(images), 5, axis=0)
        rows[-1, -1] += 1
        np.save(source / f"{split}_ims.npy", rows)
    assert create(source, tmp_path)["splits"]["train"]["images"] == 20


def test_many_rows_are_read_in_blocks(tmp_path, monkeypatch):
    whole = Precomputed(write(tmp_path / "in", repeat=5)).origin
    monkeypatch.setattr("vsepp.data.precomp._BLOCK", 5)
    assert Precomputed(tmp_path / "in").origin == whole
    create(tmp_path / "in", tmp_path)
    np.testing.assert_array_equal(stored(tmp_path / "pets", "train"), features(4))


def test_images_are_named_by_number(source, tmp_path):
    create(source, tmp_path)
    dataset = CaptionDataset(tmp_path / "pets", tmp_path / "pets/vocab.json", "val")
    assert dataset.images == [str(tmp_path / f"pets/precomp/val image {k}") for k in range(2)]
    assert dataset.image_name(1) == "val image 1"


def test_an_image_without_usable_captions_is_left_out_with_its_row(source, tmp_path):
    lines = sentences("train", 4)
    lines[5:10] = [""] * 3 + ["   ", "word " * 31]
    (source / "train_caps.txt").write_text("\n".join(lines), encoding="utf-8")

    prepared = create(source, tmp_path)

    assert prepared["splits"]["train"] == {"images": 3, "captions": 15, "left_out": 1}
    np.testing.assert_array_equal(stored(tmp_path / "pets", "train"), features(4)[[0, 2, 3]])
    dataset = CaptionDataset(tmp_path / "pets", tmp_path / "pets/vocab.json", "train")
    assert dataset.image_name(1) == "train image 2"


def test_words_count_outside_test(source, tmp_path):
    create(source, tmp_path, min_word_count=29)
    words = json.loads((tmp_path / "pets/vocab.json").read_text())
    assert list(words) == [
        "<pad>",
        "a",
        "dog",
        ",",
        "number",
        "of",
        ".",
        "<unk>",
        "<start>",
        "<end>",
    ]


def test_the_origin_is_that_of_the_numbers(source, tmp_path):
    before = Precomputed(source).origin
    assert (before.backbone, before.feature_size) == ("precomputed", SIZE)
    rows = features(2)
    np.save(source / "dev_ims.npy", rows.astype(np.float64))
    assert Precomputed(source).origin == before  # as float32 they are the same
    rows[0, 0] += 1
    np.save(source / "dev_ims.npy", rows)
    assert Precomputed(source).origin != before


def test_the_same_input_gives_the_same_bytes(source, tmp_path):
    def contents():
        create(source, tmp_path)
        return {
            path: path.read_bytes() for path in (tmp_path / "pets").rglob("*") if path.is_file()
        }

    assert contents() == contents()


def with_nan(images):
    rows = features(images)
    rows[1, 2] = np.nan
    return rows


BAD_ROWS = [
    (features(3)[:, None], "train_ims.npy holds float32.*not one row"),
    (np.arange(8).reshape(4, 2), "train_ims.npy holds int64.*not one row"),
    (features(3), "train_ims.npy has 3 rows for 20 captions"),
    (with_nan(4), "train_ims.npy, row 1 holds NaN or infinity"),
    (np.full((4, SIZE), 1e300), "train_ims.npy, row 0 holds NaN or infinity"),
    (features(4)[:, :3], "dev_ims.npy has rows of 6 numbers, train_ims.npy of 3"),
    (features(20), "dev_ims.npy has 5 captions to an image, train_ims.npy 1"),
]


@pytest.mark.parametrize("rows, message", BAD_ROWS)
def test_rows_that_do_not_fit_are_refused(source, rows, message):
    np.save(source / "train_ims.npy", rows)
    with pytest.raises(InputError, match=message):
        Precomputed(source)


class Bomb:
    def __reduce__(self):
        return pytest.fail, ("it was executed",)


def test_objects_are_never_unpickled(source):
    path = source / "test_ims.npy"
    np.save(path, np.array([Bomb()], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="test_ims.npy is no .npy file of numbers"):
        Precomputed(source)
    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(InputError, match="test_ims.npy is no .npy file of numbers"):
        Precomputed(source)


@pytest.mark.parametrize(
    "change",
    [lambda data: b"", lambda data: data[:-4], lambda data: b"garbage", lambda data: data[:60]],
)
def test_a_damaged_array_is_refused(source, change):
    path = source / "dev_ims.npy"
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(InputError, match="dev_ims.npy is no .npy file of numbers.*--precomp"):
        Precomputed(source)


def test_an_archive_of_arrays_is_refused(source):
    np.savez(source / "a.npz", features(2))
    (source / "a.npz").replace(source / "dev_ims.npy")
    with pytest.raises(InputError, match="dev_ims.npy is an archive of several arrays"):
        Precomputed(source)


@pytest.mark.parametrize("name", ["dev_caps.txt", "test_ims.npy"])
def test_both_files_of_a_pair_are_needed(source, name):
    (source / name).unlink()
    with pytest.raises(InputError, match=f"{name} does not exist: give --precomp"):
        Precomputed(source)


@pytest.mark.parametrize(
    "data, message",
    [
        (b"", "test_caps.txt holds no captions"),
        (b"\n \n", "test_caps.txt holds no captions"),
        (b"a dog\n\xff\n", "test_caps.txt, line 2 is not UTF-8"),
    ],
)
def test_captions_that_cannot_be_read_are_refused(source, data, message):
    (source / "test_caps.txt").write_bytes(data)
    with pytest.raises(InputError, match=message):
        Precomputed(source)


def test_no_folder(tmp_path):
    with pytest.raises(InputError, match="nowhere is no folder"):
        Precomputed(tmp_path / "nowhere")


def test_no_training_caption_left(source, tmp_path):
    with pytest.raises(InputError, match="train_caps.txt and max_len"):
        create(source, tmp_path, max_len=2)


def test_malformed_features_in_prepared_json_are_named(source, tmp_path):
    create(source, tmp_path)
    path = tmp_path / "pets/prepared.json"
    prepared = json.loads(path.read_text())
    prepared["features"].pop("resize")
    path.write_text(json.dumps(prepared))
    with pytest.raises(InputError, match="prepared.json has malformed 'features'"):
        Prepared(tmp_path / "pets")
