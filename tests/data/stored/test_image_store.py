"""Decoded images are those of the files, or they are not handed out."""

import json
import shutil
from collections import namedtuple

import numpy as np
import pytest
from PIL import Image

from vsepp.data.images import open_image
from vsepp.data.stored import image_store
from vsepp.data.stored.image_store import ImageStore
from vsepp.data.transforms import resize
from vsepp.system.errors import InputError
from vsepp.system.locks import only_one

SIZES = [(40, 32), (32, 40), (24, 24), (90, 31), (33, 33), (20, 60), (24, 30), (50, 40), (41, 29)]
MODES = ["RGB", "L", "RGB", "P", "CMYK"]


@pytest.fixture
def paths(tmp_path):
    found = []
    for place, (width, height) in enumerate(SIZES):
        pixels = np.random.default_rng(place).integers(256, size=(height, width, 3), dtype=np.uint8)
        mode = MODES[place % len(MODES)]
        path = tmp_path / "images" / f"{place}.{'jpg' if mode == 'CMYK' else 'png'}"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).convert(mode).save(path)
        found.append(path)
    return found


@pytest.fixture
def store(tmp_path):
    return ImageStore(tmp_path, 24)


def names(paths):
    return [f"images/{path.name}" for path in paths]


def write(store, paths, split="train"):
    lines = []
    store.write(split, names(paths), paths, lines.append)
    return lines


def read(store, paths, split="train"):
    return store.read(split, names(paths))


def same_as_files(decoded, paths):
    expected = [np.asarray(resize(open_image(path), 24)) for path in paths]
    return len(decoded) == len(expected) and all(
        np.array_equal(decoded[place], image) for place, image in enumerate(expected)
    )


def test_what_is_read_is_what_the_files_hold(store, paths):
    (line,) = write(store, paths)

    decoded = read(store, paths)

    assert same_as_files(decoded, paths)
    assert decoded[3].shape == (24, 69, 3) and decoded[3].dtype == np.uint8
    assert isinstance(decoded.pixels, np.memmap)
    assert "train-24.npy: 9 decoded images, 0.0 MB" in line


def test_nothing_is_read_where_nothing_or_something_else_was_written(store, paths, tmp_path):
    assert read(store, paths) is None
    write(store, paths)

    assert read(store, paths, "val") is None
    assert ImageStore(tmp_path, 25).read("train", names(paths)) is None
    for others in (paths[:8], paths[::-1], [*paths[:8], paths[0]]):
        assert read(store, others) is None


def test_a_data_set_prepared_again_is_decoded_again(store, paths):
    write(store, paths)

    write(store, paths[::-1])

    assert read(store, paths) is None
    assert same_as_files(read(store, paths[::-1]), paths[::-1])


class Interrupting:
    """In place of `open_image`: the file of that number is Ctrl-C."""

    def __init__(self, at=None):
        self.at = at
        self.opened = []

    def __call__(self, path, exif=False):
        self.opened.append(path.name)
        if self.at == len(self.opened) - 1:
            raise KeyboardInterrupt
        return open_image(path, exif)


@pytest.fixture
def interrupted(store, paths, monkeypatch):
    """A store whose writing was interrupted after four images of nine."""
    monkeypatch.setattr(image_store, "_BATCH", 2)
    monkeypatch.setattr(image_store, "map_images", map)
    monkeypatch.setattr(image_store, "open_image", Interrupting(at=5))
    with pytest.raises(KeyboardInterrupt):
        write(store, paths)
    monkeypatch.setattr(image_store, "open_image", Interrupting())
    return store


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_an_interruption_is_gone_on_from_and_leaves_no_trace(interrupted, paths, tmp_path):
    assert read(interrupted, paths) is None

    write(interrupted, paths)

    assert image_store.open_image.opened == [path.name for path in paths[4:]]
    assert same_as_files(read(interrupted, paths), paths)
    undisturbed = ImageStore(tmp_path / "undisturbed", 24)
    write(undisturbed, paths)
    assert files(interrupted.folder) == files(undisturbed.folder)
    assert set(files(interrupted.folder)) == {"train-24.npy", "train-24.sizes.npy", "train-24.json"}


def test_what_was_begun_is_not_continued_with_other_photographs(interrupted, paths):
    Image.new("RGB", (24, 25)).save(paths[1])  # its name has not changed

    write(interrupted, paths)

    assert len(image_store.open_image.opened) == 9
    assert same_as_files(read(interrupted, paths), paths)


def test_a_disk_without_room_is_refused_before_anything_is_decoded(store, paths, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**12, 10**12, 20_000))
    monkeypatch.setattr(image_store, "open_image", Interrupting(at=0))

    with pytest.raises(
        InputError,
        match="image_store: .*train-24.npy needs 0.. MB and the disk "
        "has 0.0 MB free: free some, or set image_store=false",
    ):
        write(store, paths)

    assert not files(store.folder)


def test_room_is_needed_only_for_what_is_missing(interrupted, paths, monkeypatch):
    missing = sum(3 * np.prod(resize(open_image(path), 24).size) for path in paths[4:])
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**12, 10**12, missing))

    write(interrupted, paths)

    assert same_as_files(read(interrupted, paths), paths)


def test_one_process_writes_at_a_time(store, paths):
    store.folder.mkdir()
    with only_one(store.folder / "train-24.lock", "never"):
        with pytest.raises(InputError, match="another process is writing .*train-24.npy"):
            write(store, paths)

    write(store, paths)
    assert same_as_files(read(store, paths), paths)


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"",
        lambda whole: whole[:-1],
        lambda whole: whole[:50],
        lambda whole: b"no array",
    ],
)
@pytest.mark.parametrize("name", ["train-24.npy", "train-24.sizes.npy"])
def test_a_damaged_store_is_refused(store, paths, name, damage):
    write(store, paths)
    path = store.folder / name
    path.write_bytes(damage(path.read_bytes()))

    with pytest.raises(InputError, match=f"{name}.*remove .*train-24.npy, and training"):
        read(store, paths)


def test_a_file_that_is_missing_from_a_store_is_named_and_the_advice_helps(store, paths):
    write(store, paths)
    (store.folder / "train-24.sizes.npy").unlink()

    with pytest.raises(InputError, match="train-24.sizes.npy does not exist: remove .*/train-24.n"):
        read(store, paths)

    (store.folder / "train-24.npy").unlink()
    assert read(store, paths) is None
    write(store, paths)
    assert same_as_files(read(store, paths), paths)


def test_what_does_not_fit_together_is_refused(store, paths):
    write(store, paths)
    sizes = store.folder / "train-24.sizes.npy"
    right = np.load(sizes)

    for wrong in (right[:8], right[:, ::-1], right.astype(np.int32), -right):
        np.save(sizes, wrong)
        with pytest.raises(InputError, match="train-24.sizes.npy does not belong to"):
            read(store, paths)
    np.save(sizes, right)
    for wrong in (np.zeros(7, np.uint8), np.zeros((3, 5), np.float32)):
        np.save(store.folder / "train-24.npy", wrong)
        with pytest.raises(InputError, match="train-24.npy holds .*of 9 images: remove"):
            read(store, paths)


@pytest.mark.parametrize("content", ["[]", "7", "null", "{"])
def test_a_description_that_is_none_is_refused(store, paths, content):
    write(store, paths)
    (store.folder / "train-24.json").write_text(content)

    with pytest.raises(InputError, match="train-24.json .*image_store=true"):
        read(store, paths)


def test_a_photograph_that_cannot_be_decoded_is_named(store, paths):
    whole = paths[6].read_bytes()
    for content, words in ((whole[: len(whole) // 2], "6.png is damaged"), (b"", "6.png is empty")):
        paths[6].write_bytes(content)
        with pytest.raises(InputError, match=words):
            write(store, paths)
    paths[6].unlink()
    with pytest.raises(InputError, match="6.png does not exist"):
        write(store, paths)


def test_the_description_says_which_images(store, paths):
    write(store, paths)

    about = json.loads((store.folder / "train-24.json").read_text())

    assert about["images"] == 9 and about["resize"] == 24
