"""Stored features are those of the images asked for, or they are not handed out."""

import errno
import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest

from vsepp.data.encoding import Encoding
from vsepp.data.preprocessing import Preprocessing
from vsepp.data.stored.features import FeatureOrigin, FeatureStore, first_not_finite
from vsepp.system import resumable
from vsepp.system.errors import InputError

ENCODING = Encoding("0123456789abcdef" * 4, Preprocessing(256, 224))
ORIGIN = FeatureOrigin("resnet18", 3, ENCODING)
IMAGES = [f"images/{k}.png" for k in range(10)]
FEATURES = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)


class Backbone:
    """Hands out FEATURES in batches of four, and may be interrupted."""

    def __init__(self, fails_after=None):
        self.fails_after = fails_after
        self.started_at = []
        self.done = []

    def compute(self, start):
        self.started_at.append(start)
        for number, place in enumerate(range(start, len(FEATURES), 4)):
            if number == self.fails_after:
                raise KeyboardInterrupt
            yield FEATURES[place : place + 4]

    def advance(self, count):
        self.done.append(count)


def write(store, split="train", images=IMAGES, **options):
    backbone = Backbone(**options)
    store.write(split, images, backbone.compute, backbone.advance)
    return backbone


def interrupt(store, after, images=IMAGES):
    with pytest.raises(KeyboardInterrupt):
        write(store, images=images, fails_after=after)


@pytest.fixture
def store(tmp_path):
    return FeatureStore(tmp_path, ORIGIN)


def names(store):
    return sorted(path.name for path in store.folder.iterdir())


def test_what_was_written_is_read_back(store):
    backbone = write(store)

    features = store.read("train", IMAGES)

    assert features.dtype == np.float32 and np.array_equal(features, FEATURES)
    assert backbone.done == [0, 4, 4, 2]
    assert names(store) == ["train.json", "train.npy"]


def test_nothing_is_read_where_nothing_was_written(store):
    write(store)

    assert store.read("val", IMAGES) is None


def test_splits_do_not_disturb_each_other(store):
    write(store)
    interrupt_val = Backbone(fails_after=1)
    with pytest.raises(KeyboardInterrupt):
        store.write("val", IMAGES, interrupt_val.compute, interrupt_val.advance)

    assert store.read("val", IMAGES) is None
    assert np.array_equal(store.read("train", IMAGES), FEATURES)


@pytest.mark.parametrize("after, start", [(0, 0), (1, 4), (2, 8)])
def test_an_interrupted_run_goes_on_and_ends_like_an_undisturbed_one(tmp_path, after, start):
    undisturbed = FeatureStore(tmp_path / "undisturbed", ORIGIN)
    write(undisturbed)
    store = FeatureStore(tmp_path / "interrupted", ORIGIN)

    interrupt(store, after)
    assert store.read("train", IMAGES) is None
    backbone = write(store)

    assert backbone.started_at == [start]
    assert backbone.done[0] == start and sum(backbone.done) == 10
    assert names(store) == names(undisturbed)
    for name in names(store):
        assert (store.folder / name).read_bytes() == (undisturbed.folder / name).read_bytes()


def test_what_was_begun_for_other_images_is_not_continued(store):
    interrupt(store, 2, images=IMAGES[::-1])

    assert write(store).started_at == [0]
    assert np.array_equal(store.read("train", IMAGES), FEATURES)


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"no array"])
def test_a_damaged_beginning_is_computed_again(store, content):
    interrupt(store, 2)
    (store.folder / "train.partial.npy").write_bytes(content)

    assert write(store).started_at == [0]
    assert np.array_equal(store.read("train", IMAGES), FEATURES)


@pytest.mark.parametrize("images", [IMAGES[:9], IMAGES[::-1], [*IMAGES[:9], "images/new.png"]])
def test_features_of_other_images_are_not_handed_out(store, images):
    write(store)

    assert store.read("train", images) is None


@pytest.mark.parametrize(
    "origin",
    [
        replace(ORIGIN, backbone="vgg19"),
        *(
            replace(ORIGIN, encoding=replace(ENCODING, **changes))
            for changes in (
                {"fingerprint": "f" * 64},
                {"precision": "bfloat16"},
                {"exif": True},
                {"preprocessing": Preprocessing(300, 224)},
                {"preprocessing": Preprocessing(256, 299)},
                {"preprocessing": Preprocessing(interpolation="bicubic")},
                {"preprocessing": Preprocessing(mean=(0.5, 0.5, 0.5))},
            )
        ),
    ],
)
def test_each_backbone_and_encoding_has_its_own_place(store, tmp_path, origin):
    write(store)
    other = FeatureStore(tmp_path, origin)

    assert other.read("train", IMAGES) is None
    write(other)
    assert other.read("train", IMAGES) is not None and other.folder != store.folder
    with pytest.raises(InputError, match="these are features of .*tools/features.py"):
        (store.folder / "train.json").write_bytes((other.folder / "train.json").read_bytes())
        store.read("train", IMAGES)


def test_features_that_say_nothing_of_their_precision_are_in_float32(store):
    """What was written before the precision counted is read, and is what is written now."""
    about = {
        "backbone": "resnet18",
        "fingerprint": "0123456789abcdef" * 4,
        "feature_size": 3,
        "resize": 256,
        "image_size": 224,
        "images": 10,
        "images_sha256": hashlib.sha256(json.dumps(IMAGES).encode()).hexdigest(),
    }
    folder = store.folder.parent / "resnet18-0123456789ab-256-224"
    folder.mkdir(parents=True)
    (folder / "train.json").write_text(json.dumps(about) + "\n")
    np.save(folder / "train.npy", FEATURES)

    assert np.array_equal(store.read("train", IMAGES), FEATURES)
    write(store, "val")
    assert (folder / "val.json").read_text() == (folder / "train.json").read_text()


def test_features_in_bfloat16_say_so(tmp_path, store):
    halved = FeatureStore(
        tmp_path, replace(ORIGIN, encoding=replace(ENCODING, precision="bfloat16"))
    )
    write(halved)

    assert halved.folder.name == "resnet18-0123456789ab-256-224-bfloat16"
    assert json.loads((halved.folder / "train.json").read_text())["precision"] == "bfloat16"
    assert store.read("train", IMAGES) is None
    store.folder.mkdir()
    for path in halved.folder.iterdir():
        (store.folder / path.name).write_bytes(path.read_bytes())
    with pytest.raises(InputError, match="features of precision 'bfloat16', not None"):
        store.read("train", IMAGES)


@pytest.mark.parametrize(
    "key, value",
    [
        ("backbone", "vgg19"),
        ("fingerprint", ENCODING.fingerprint[:12] + "f" * 52),
        ("feature_size", 4),
        ("resize", 300),
        ("image_size", 299),
    ],
)
def test_features_of_another_origin_in_this_place_are_refused(store, key, value):
    write(store)
    about = store.folder / "train.json"
    about.write_text(json.dumps({**json.loads(about.read_text()), key: value}))

    with pytest.raises(InputError, match=f"features of {key} .*{value}.*tools/features.py"):
        store.read("train", IMAGES)


@pytest.mark.parametrize("content", ["[]", "7", "null"])
def test_a_description_that_is_none_is_refused(store, content):
    write(store)
    (store.folder / "train.json").write_text(content)

    with pytest.raises(InputError, match="tools/features.py"):
        store.read("train", IMAGES)


def test_damaged_features_are_refused(store):
    write(store)
    path = store.folder / "train.npy"
    whole = path.read_bytes()

    for damaged in (b"", whole[:-5], whole[:20], b"no array at all"):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=r"train\.npy is no .npy file.*tools/features\.py"):
            store.read("train", IMAGES)


@pytest.mark.parametrize(
    "array",
    [np.zeros((10, 4), np.float32), np.zeros((9, 3), np.float32), np.zeros((10, 3), np.float64)],
)
def test_features_of_another_shape_or_type_are_refused(store, array):
    write(store)
    np.save(store.folder / "train.npy", array)

    with pytest.raises(InputError, match=r"train\.npy holds .*, not float32 \(10, 3\)"):
        store.read("train", IMAGES)


def test_a_pickle_in_place_of_the_features_is_not_opened(store):
    write(store)
    np.save(store.folder / "train.npy", np.array([print], dtype=object), allow_pickle=True)

    with pytest.raises(InputError, match="is no .npy file of numbers"):
        store.read("train", IMAGES)


@pytest.mark.parametrize("done", [99, -4, "x", None, 2.5])
def test_a_note_of_progress_that_cannot_be_is_not_believed(store, done):
    interrupt(store, 1)
    about = store.folder / "train.partial.json"
    about.write_text(json.dumps({**json.loads(about.read_text()), "done": done}))

    backbone = write(store)

    assert backbone.started_at == [0]
    assert np.array_equal(store.read("train", IMAGES), FEATURES)


def test_a_full_disk_names_the_file_and_what_was_done_is_kept(store, monkeypatch):
    def full(file, rows):
        raise OSError(errno.ENOSPC, "No space left on device")

    interrupt(store, 1)
    with monkeypatch.context() as patch:
        patch.setattr(resumable, "write_all", full)
        with pytest.raises(OSError) as failure:
            write(store)

    assert failure.value.filename == str(store.folder / "train.partial.npy")
    assert write(store).started_at == [4]


def test_a_header_that_is_no_literal_is_refused(store):
    write(store)
    path = store.folder / "train.npy"
    path.write_bytes(path.read_bytes().replace(b"}", b" ", 1))

    with pytest.raises(InputError, match=r"train\.npy is no .npy file of numbers"):
        store.read("train", IMAGES)


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_features_that_are_no_numbers_are_refused_with_their_image(store, number):
    write(store)
    rows = np.load(store.folder / "train.npy")
    rows[1, 2] = number
    np.save(store.folder / "train.npy", rows)

    with pytest.raises(InputError, match=rf"train\.npy: the features of {IMAGES[1]} are NaN"):
        store.read("train", IMAGES)

    (store.folder / "train.npy").unlink()
    with pytest.raises(InputError, match=f"{IMAGES[1]}: its features under .* are NaN"):
        store.write("train", IMAGES, lambda first: iter([rows[first:]]), lambda count: None)
    assert not (store.folder / "train.npy").exists()


@pytest.mark.parametrize("missing", ["rename", "description"])
def test_a_crash_at_the_very_end_computes_nothing_anew(store, missing):
    write(store)
    (store.folder / "train.npy").rename(store.folder / "train.partial.npy")
    if missing == "description":
        about = (store.folder / "train.json").read_text()
        (store.folder / "train.json").rename(store.folder / "train.partial.json")
        (store.folder / "train.partial.json").write_text(
            about.rstrip()[:-1] + f', "done": {len(IMAGES)}}}'
        )

    def never(first):
        assert first == len(IMAGES)
        return iter(())

    store.write("train", IMAGES, never, lambda count: None)

    assert store.read("train", IMAGES) is not None
    assert sorted(path.name for path in store.folder.iterdir()) == ["train.json", "train.npy"]


GRID = replace(ORIGIN, grid=2)
CELLS = np.random.default_rng(1).normal(size=(10, 4, 3)).astype(np.float32)


@pytest.fixture
def grids(tmp_path):
    return FeatureStore(tmp_path, GRID)


def write_grid(store, cells=CELLS, split="train", fails_after=None, **options):
    def compute(first):
        for number, place in enumerate(range(first, len(cells), 4)):
            if number == fails_after:
                raise KeyboardInterrupt
            started.append(place)
            yield cells[place : place + 4]

    started = []
    store.write(split, IMAGES, compute, lambda count: None, **options)
    return started


def test_a_grid_is_stored_in_halves_in_a_place_of_its_own(grids, store):
    write_grid(grids)

    cells = grids.read("train", IMAGES)

    assert cells.dtype == np.float16 and isinstance(cells, np.memmap)
    assert np.array_equal(cells, CELLS.astype(np.float16))
    assert grids.folder.name == f"{store.folder.name}-grid2"
    assert json.loads((grids.folder / "train.json").read_text())["grid"] == 2
    assert store.read("train", IMAGES) is None


@pytest.mark.parametrize("origin", [ORIGIN, GRID, replace(GRID, grid=7)])
def test_an_origin_is_read_from_its_record(origin):
    assert FeatureOrigin.from_record(json.loads(json.dumps(origin.record()))) == origin
    assert ("grid" in origin.record()) is (origin.grid is not None)


@pytest.mark.parametrize("grid", [0, -1, "7", 2.0, None, True])
def test_a_grid_that_cannot_be_is_refused(grid):
    with pytest.raises(ValueError, match="'grid' is m"):
        FeatureOrigin.from_record({**ORIGIN.record(), "grid": grid})


@pytest.mark.parametrize("array", [CELLS, CELLS.astype(np.float16)[:, :3], FEATURES])
def test_a_grid_of_another_shape_or_type_is_refused(grids, array):
    write_grid(grids)
    np.save(grids.folder / "train.npy", array)

    with pytest.raises(InputError, match=r"train\.npy holds .*, not float16 \(10, 4, 3\)"):
        grids.read("train", IMAGES)


@pytest.mark.parametrize(
    "number, said", [(1e5, "go beyond 65504.*image_features=global"), (np.nan, "are NaN")]
)
def test_a_number_that_a_grid_cannot_hold_is_refused_with_its_image(grids, number, said):
    cells = CELLS.copy()
    cells[6, 1, 2] = number

    with pytest.raises(InputError, match=f"{IMAGES[6]}: its features under resnet18 {said}"):
        write_grid(grids, cells)

    assert grids.read("train", IMAGES) is None
    assert write_grid(grids) == [4, 8]  # the batch before was kept


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_a_stored_grid_that_holds_no_numbers_is_refused_with_its_image(grids, number):
    cells = CELLS.astype(np.float16)
    cells[7, 3, 0] = number
    write_grid(grids)
    np.save(grids.folder / "train.npy", cells)

    with pytest.raises(InputError, match=rf"train\.npy: the features of {IMAGES[7]} are NaN"):
        grids.read("train", IMAGES)


def test_the_short_check_of_halves_finds_what_the_long_one_finds():
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)

    assert first_not_finite(halves[np.isfinite(halves)]) is None
    for number in halves[~np.isfinite(halves)][::50]:  # of both signs, infinity among them
        assert first_not_finite(np.array([[1, 2], [3, number]], np.float16)) == 1
    assert first_not_finite(np.zeros((0, 3), np.float16)) is None


@pytest.mark.parametrize("origin", [ORIGIN, GRID])
def test_views_are_files_of_their_own(tmp_path, origin):
    store = FeatureStore(tmp_path, origin)
    rows = CELLS if origin.grid else FEATURES

    for view in (0, 1, 3):
        write_grid(store, rows + view, view=view)

    for view in (0, 1, 3):
        expected = (rows + view).astype(origin.dtype)
        assert np.array_equal(store.read("train", IMAGES, view), expected)
    assert store.read("train", IMAGES, 2) is None
    assert store.read("train", IMAGES[::-1], 1) is None
    assert names(store) == sorted(
        f"train{view}.{kind}" for view in ("", ".view1", ".view3") for kind in ("json", "npy")
    )
    assert "view" not in json.loads((store.folder / "train.json").read_text())


def test_a_view_in_another_views_place_is_not_handed_out(store):
    write_grid(store, FEATURES, view=2)
    for kind in ("json", "npy"):
        path = store.folder / f"train.view2.{kind}"
        path.rename(path.with_name(f"train.view1.{kind}"))

    assert store.read("train", IMAGES, 1) is None


def test_an_interrupted_view_goes_on_and_needs_the_less_room(grids):
    whole = 10 * 4 * 3 * 2
    assert grids.missing_bytes("train", IMAGES, 2) == whole

    with pytest.raises(KeyboardInterrupt):
        write_grid(grids, fails_after=1, view=2)
    assert grids.missing_bytes("train", IMAGES, 2) == whole * 6 // 10

    assert write_grid(grids, view=2) == [4, 8]
    assert grids.missing_bytes("train", IMAGES, 2) == 0
    assert grids.missing_bytes("train", IMAGES[::-1], 2) == whole
    assert np.array_equal(grids.read("train", IMAGES, 2), CELLS.astype(np.float16))
