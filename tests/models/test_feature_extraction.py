"""Features are stored by what they depend on, the precision they were computed in included."""

import builtins
import errno
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import paddle
import pytest
from tiny import hardly_drawn, make_config, make_data

import vsepp
from vsepp.data.encoding import Encoding
from vsepp.data.images import open_image
from vsepp.data.prepared import Prepared
from vsepp.data.preprocessing import Preprocessing
from vsepp.data.stored.features import GIVEN, FeatureOrigin
from vsepp.data.transforms import normalize
from vsepp.models import device, feature_extraction
from vsepp.models.feature_extraction import load_features
from vsepp.models.twins import predictor
from vsepp.system import resumable
from vsepp.training.retrieval import RetrievalTask


class Halving:
    """In place of a predictor: its features say the precision, and none takes a while."""

    def __init__(self, network, image_size, batch_size, precision, mean, std):
        self.value = {"float32": 1.0, "bfloat16": 0.5}[precision]

    def __call__(self, pixels):
        return np.full((len(pixels), 512), self.value, np.float32)


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.setattr(feature_extraction, "BackbonePredictor", Halving)
    return make_config(make_data(tmp_path / "data"), tmp_path)


def features(config):
    found, backbone = load_features(config, Prepared(Path(config.data_dir, "tiny")), ["test"])
    return found["test"], backbone.origin


def test_features_in_bfloat16_are_not_taken_for_those_in_float32(config):
    halved, origin = features(replace(config, backbone_precision="bfloat16"))
    whole, plain = features(config)

    assert (halved == 0.5).all() and (whole == 1).all()
    assert origin.encoding.precision == "bfloat16" and plain.encoding.precision == "float32"
    assert origin.folder_name == f"{plain.folder_name}-bfloat16"
    assert origin.description == f"{plain.description} in bfloat16"
    again, _ = features(replace(config, backbone_precision="bfloat16"))
    assert (again == 0.5).all()


def test_on_a_gpu_features_are_in_float32_whatever_is_asked_for(config, monkeypatch):
    monkeypatch.setattr(device.paddle, "get_device", lambda: "gpu:0")

    found, origin = features(replace(config, backbone_precision="bfloat16"))

    assert (found == 1).all() and origin.encoding.precision == "float32"


def test_a_checkpoint_says_the_precision_of_its_features_where_it_is_unusual(config, monkeypatch):
    for precision in ("float32", "bfloat16"):
        run = replace(config, backbone_precision=precision, num_epochs=1, evaluate_step=100)
        with hardly_drawn():
            vsepp.train(run)
        backbone = vsepp.load_checkpoint(run.path("last_checkpoint"))["backbone"]
        names = ["backbone", "fingerprint", "feature_size", "resize", "image_size"]
        assert list(backbone)[:5] == names
        assert backbone.get("precision", "float32") == precision
        assert len(backbone) == (5 if precision == "float32" else 6)


def test_a_run_from_before_precisions_were_kept_goes_on(config, monkeypatch):
    run = replace(config, backbone_precision="bfloat16", num_epochs=1, evaluate_step=100)
    keep = RetrievalTask.contents

    def without_precision(task):
        contents = keep(task)
        del contents["backbone"]["precision"]
        return contents

    with hardly_drawn():
        with monkeypatch.context() as before:
            before.setattr(RetrievalTask, "contents", without_precision)
            vsepp.train(run)
        last = run.path("last_checkpoint")
        assert "precision" not in vsepp.load_checkpoint(last)["backbone"]

        vsepp.train(replace(run, num_epochs=2, checkpoint="last"))

        assert vsepp.load_checkpoint(last)["epoch"] == 2
        assert vsepp.load_checkpoint(last)["backbone"]["precision"] == "bfloat16"
        monkeypatch.setattr(feature_extraction, "backbone_precision", lambda wanted: "float32")
        with pytest.raises(vsepp.InputError, match="the same backbone_precision"):
            vsepp.train(replace(run, num_epochs=3, checkpoint="last"))


def test_training_over_features_reads_prepared_json_once(config, monkeypatch):
    read, opened = [], builtins.open

    def counted(file, *arguments, **options):
        if str(file).endswith("prepared.json"):
            read.append(file)
        return opened(file, *arguments, **options)

    monkeypatch.setattr(builtins, "open", counted)
    with hardly_drawn():
        vsepp.train(replace(config, num_epochs=1))

    assert len(read) == 1
    assert json.loads(Path(read[0]).read_text())["options"]["captions_per_image"] == 5


SIDES = {"resize": 70, "image_size": 64}  # of which the tiny network makes a map of 2 × 2
ALL = ("train", "val", "test")


@pytest.fixture
def real(tmp_path, monkeypatch):
    """A configuration whose backbone is there; not prepared for speed, which takes a second."""
    monkeypatch.setattr(
        predictor, "_optimised", lambda network, *_: predictor.BackbonePredictor._eager(network)
    )
    return make_config(make_data(tmp_path / "data", restval=2), tmp_path, **SIDES)


def loaded(config, splits=ALL, log=None):
    prepared = Prepared(Path(config.data_dir, "tiny"))
    return load_features(config, prepared, splits, log or (lambda line: None))


def by_hand(backbone, paths, turn=lambda pixels: pixels):
    """Features of the photographs' centres, turned, under the network as it is."""
    crop = backbone.origin.encoding.preprocessing.center_crop()
    pixels = np.stack([turn(crop.pixels(open_image(path))) for path in paths])
    with paddle.no_grad():
        return backbone.network(paddle.to_tensor(normalize(pixels))).numpy()


@pytest.mark.parametrize(
    "grid, cells", [({}, None), ({"image_grid": 1}, 1), ({"image_grid": 0}, 4)]
)
def test_plain_and_mirrored_features_are_those_of_the_pixels(real, grid, cells):
    kind = "grid" if grid else "global"
    config = replace(real, feature_views=1, image_features=kind, **grid)

    features, backbone = loaded(config, ("train", "val"))

    assert list(features) == ["train", "train.view1", "val"]
    shape = (512,) if cells is None else (cells, 512)
    paths = [f"{config.data_dir}/tiny/images/{k:02d}.png" for k in range(12)]
    for name, turn in (("train", lambda x: x), ("train.view1", lambda x: x[:, ::-1])):
        assert features[name].shape == (12, *shape)
        assert features[name].dtype == (np.float32 if cells is None else np.float16)
        np.testing.assert_allclose(
            features[name], by_hand(backbone, paths, turn), rtol=1e-3, atol=1e-4
        )
    ends = "" if cells is None else f"-grid{int(cells**0.5)}"
    assert backbone.origin.folder_name.endswith(f"-70-64{ends}")
    assert ("grid" in backbone.origin.record()) is (cells is not None)


def test_a_grid_is_of_the_same_backbone_in_another_folder(real):
    whole, cells = (
        loaded(replace(real, image_features=kind), ("val",)) for kind in ("global", "grid")
    )

    assert whole[1].origin.encoding == cells[1].origin.encoding
    np.testing.assert_allclose(
        cells[0]["val"].mean(1, dtype=np.float32), whole[0]["val"], rtol=1e-2, atol=1e-4
    )
    assert cells[1].origin.description.startswith("stored grids of 2 × 2 cells of shuffle")


class Looking:
    """In place of a predictor: its features are some of the pixels it was shown."""

    shown = 0

    def __init__(self, network, image_size, batch_size, precision, mean, std):
        pass

    def __call__(self, pixels):
        Looking.shown += len(pixels)
        return pixels.reshape(len(pixels), -1)[:, :512].astype(np.float32)


@pytest.fixture
def looking(config, monkeypatch):
    monkeypatch.setattr(feature_extraction, "BackbonePredictor", Looking)
    monkeypatch.setattr(Looking, "shown", 0)
    return config


def test_seeds_share_the_views(looking):
    # what the backbone is, without weights, follows from the seed: of one backbone here
    features, _ = loaded(replace(looking, feature_views=3))
    shown = Looking.shown
    paddle.seed(looking.seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feature_extraction.paddle, "seed", lambda seed: None)
        again, _ = loaded(replace(looking, feature_views=3, seed=7))

    assert shown == 12 * 4 + 4 + 4 and Looking.shown == shown
    for name, rows in features.items():
        assert np.array_equal(rows, again[name])
    for one, other in (("train", "train.view2"), ("train.view2", "train.view3")):
        assert not np.array_equal(features[one], features[other])


def test_more_views_compute_only_what_is_missing(looking):
    loaded(replace(looking, feature_views=1))
    Looking.shown, lines = 0, []

    features, _ = loaded(replace(looking, feature_views=2, test_flip=True), log=lines.append)

    assert list(features) == [
        "train", "train.view1", "train.view2", "val", "val.view1", "test", "test.view1"
    ]  # fmt: skip
    assert Looking.shown == 12 + 4 + 4
    assert re.match(
        r"1 view of 12 images of train, 1 view of 4 images of val, 1 view of 4 images of test take "
        r"0\.0 MB in .*features/\S+, [\d.]+ GB are free$",
        lines[0],
    )
    assert "features of train, view 2: 12 images in" in lines[1]


@pytest.mark.parametrize("joined", [False, True])
def test_restval_has_views_where_it_is_trained_on(real, monkeypatch, joined):
    monkeypatch.setattr(feature_extraction, "BackbonePredictor", Looking)
    config = replace(real, feature_views=1, test_flip=True, use_restval=joined)

    features, _ = loaded(config, ("train", "val", "test", "restval"))

    assert ("restval.view1" in features) is joined and "val.view1" in features


def test_a_disk_without_room_is_said_before_anything_is_computed(looking, monkeypatch):
    usage = shutil.disk_usage(".")
    size = 512 * 4
    monkeypatch.setattr(
        shutil, "disk_usage", lambda path: type(usage)(10**12, 10**12, size * (20 + 24) - 1)
    )
    config = replace(looking, feature_views=2)

    with pytest.raises(vsepp.InputError, match="features of 20 images, 2 views of 12 .* take") as e:
        loaded(config)
    assert "free there: free some, or set fewer feature_views" in str(e.value)
    assert Looking.shown == 0
    assert len(loaded(replace(config, feature_views=1))[0]) == 4  # as was said


def test_a_full_disk_while_views_are_written_loses_nothing(looking, monkeypatch):
    config, folder = replace(looking, feature_views=2), Path(looking.data_dir, "tiny", "features")
    write, written = resumable.write_all, []

    def full(file, data):
        if len(written) == 4:  # three batches of train, one of its first view
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(len(data))
        write(file, data)

    with monkeypatch.context() as patch:
        patch.setattr(feature_extraction, "_BATCH", 5)
        patch.setattr(resumable, "write_all", full)
        with pytest.raises(OSError) as failure:
            loaded(config)
    assert failure.value.filename.endswith("train.view1.partial.npy")
    Looking.shown = 0

    features, _ = loaded(config)

    assert Looking.shown == 12 - 5 + 12 + 4 + 4
    for path in folder.rglob("*.npy"):
        assert "partial" not in path.name
    plain = np.array(features["train"]), np.array(features["train.view1"])
    shutil.rmtree(folder)
    again, _ = loaded(config)
    assert np.array_equal(again["train"], plain[0]) and np.array_equal(
        again["train.view1"], plain[1]
    )


@pytest.mark.parametrize(
    "change", [{"feature_views": 2}, {"image_features": "grid"}, {"test_flip": True}]
)
def test_given_features_have_neither_grid_nor_views(tmp_path, config, change):
    given = FeatureOrigin(GIVEN, 3, Encoding("f" * 64, Preprocessing(0, 0)))
    prepared = Path(config.data_dir, "tiny", "prepared.json")
    prepared.write_text(
        json.dumps({**json.loads(prepared.read_text()), "features": given.record()})
    )
    ((key, value),) = change.items()
    usual = {"feature_views": "0", "image_features": "global", "test_flip": "false"}[key]

    with pytest.raises(vsepp.InputError, match=f"^{key}: .*set {key}={usual}"):
        loaded(replace(config, **change))
