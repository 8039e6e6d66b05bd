"""test_flip: codes are averages over a photograph and its mirror image, wherever they are made."""

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image, ImageOps
from tiny import hardly_drawn, make_config, make_data

import vsepp
from vsepp import InputError
from vsepp.cli.eval import main as evaluate
from vsepp.data.encoding import Encoding
from vsepp.data.stored.features import FeatureStore
from vsepp.models.encoders import encoders_for_training
from vsepp.models.vsepp import build_model
from vsepp.retrieval.encoding import encode_dataset
from vsepp.retrieval.gallery import open_gallery
from vsepp.training.data import open_splits

GRID = dict(
    image_features="grid",
    image_pooling="gpo",
    image_mlp=True,
    cell_dropout=0.2,
    feature_dropout=0.1,
    test_flip=True,
    resize=72,
    image_size=64,
)


def noise(seed, size):
    pixels = np.random.default_rng(seed).integers(0, 256, (size, size, 3))
    return Image.fromarray(pixels.astype(np.uint8))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The configuration of a run over stored grids of one epoch."""
    folder = tmp_path_factory.mktemp("mirrored")
    data = make_data(folder / "data")
    for number, path in enumerate(sorted((folder / "data").rglob("*.png"))):
        noise(number, 9).resize((40, 32)).save(path)  # which is not its own mirror image
    config = make_config(data, folder, num_epochs=1, evaluate_step=100, **GRID)
    with hardly_drawn():
        vsepp.train(config)
    return config


@pytest.fixture
def model(run):
    return vsepp.load(run.path("best_checkpoint"))


def plain(model):
    found = vsepp.load(model.checkpoint)
    found.config = found.config.replaced(test_flip=False)
    return found


def by_hand(model, pictures):
    one = plain(model)
    both = one.encode_image(pictures) + one.encode_image([ImageOps.mirror(p) for p in pictures])
    return both / np.linalg.norm(both, axis=1, keepdims=True)


@pytest.fixture
def pictures():
    return [noise(seed, 64) for seed in range(5)]


def test_every_way_averages_the_codes_of_both(model, pictures, monkeypatch):
    expected = by_hand(model, pictures)
    pixels = np.stack([model.pixels(picture) for picture in pictures])

    assert not np.allclose(expected, plain(model).encode_image(pictures), atol=1e-3)
    np.testing.assert_allclose(model.encode_image(pictures), expected, atol=1e-5)
    np.testing.assert_allclose(model.encode_image(pictures[0])[0], expected[0], atol=1e-5)
    np.testing.assert_allclose(model.encode_cropped(iter(pixels), 5), expected, atol=1e-5)
    np.testing.assert_allclose(model.encode_pixels(pixels), expected, atol=1e-5)
    assert model.encode_pixels(pixels[:0]).shape == (0, 16)
    monkeypatch.setattr("vsepp.retrieval.photographs.MANY_IMAGES", 2)
    np.testing.assert_allclose(model.encode_image(pictures), expected, atol=1e-5)


def test_codes_that_are_not_normalised_are_averaged_as_they_are(model, pictures):
    for each in (model.image_extractor, (other := plain(model)).image_extractor):
        each.normalize = False

    both = [other.encode_image(p) for p in (pictures, [ImageOps.mirror(p) for p in pictures])]

    np.testing.assert_allclose(model.encode_image(pictures), sum(both) / 2, atol=1e-5)


def test_training_over_stored_cells_scores_what_use_gives(run, model):
    dataset = open_splits(run, ("test",)).splits["test"]
    gallery = open_gallery(model, dataset.folder, "test")

    np.testing.assert_allclose(gallery.images, model.encode_photographs(dataset), atol=2e-3)
    log = next((run.path("run_dir")).rglob("log.txt")).read_text(encoding="utf-8")
    scores = [line for line in log.splitlines() if "rsum" in line and "i2t" in line]
    assert scores and all(line.count("mirror image averaged") == 1 for line in scores)


def test_a_gallery_of_stored_cells_looks_at_no_photograph(run, model, monkeypatch):
    dataset = open_splits(run, ("val",)).splits["val"]
    photographs = model.encode_photographs(dataset)
    monkeypatch.setattr(type(model), "encode_photographs", None)
    monkeypatch.setattr("vsepp.data.images.Image.open", None)

    gallery = open_gallery(model, dataset.folder, "val")

    np.testing.assert_allclose(gallery.images, photographs, atol=2e-3)


def test_a_run_over_photographs_scores_both_sides_too(run, model):
    config = dataclasses.replace(run, features=False, finetuned=True)
    dataset = open_splits(config, ("test",)).splits["test"]
    network = dataclasses.make_dataclass("Both", ["image_extractor", "text_extractor", "eval"])
    both = network(model.image_extractor, model.text_extractor, lambda: None)
    both.sublayers = lambda include_self: []

    codes, _ = encode_dataset(both, dataset, 4, test_flip=True)

    np.testing.assert_allclose(codes, model.encode_photographs(dataset), atol=1e-5)


def test_galleries_of_both_kinds_are_never_mixed(run, model):
    folder = run.path("data_dir") / "tiny"
    one = plain(model)

    first = open_gallery(model, folder, "test").images
    other = open_gallery(one, folder, "test").images

    assert not np.allclose(first, other, atol=1e-3)
    np.testing.assert_array_equal(open_gallery(model, folder, "test").images, first)
    np.testing.assert_array_equal(open_gallery(one, folder, "test").images, other)
    encodings = [Encoding.of_model(each, exif=True) for each in (model, one)]
    assert encodings[0].flags == (("test_flip", True),) and not encodings[1].flags
    assert encodings[0].without_flags() == encodings[0]


def test_features_without_mirror_images_give_way_to_the_photographs(run, model, monkeypatch):
    folder = run.path("data_dir") / "tiny"
    expected = open_gallery(model, folder, "val").images
    holds = FeatureStore.holds
    monkeypatch.setattr(
        FeatureStore, "holds", lambda self, *what: what[2:] != (1,) and holds(self, *what)
    )
    codes = run.path("best_checkpoint").with_name("best_tiny.tiny_val.codes")
    codes.unlink()

    np.testing.assert_allclose(open_gallery(model, folder, "val").images, expected, atol=2e-3)


def test_features_alone_cannot_be_mirrored(run):
    data = open_splits(run, ("test",))
    network = build_model(*encoders_for_training(run, data, 512))
    data.splits["test"].mirrored = None

    with pytest.raises(InputError, match="test_flip: the test features of tiny .*test_flip=false"):
        encode_dataset(network, data.splits["test"], 4, test_flip=True)


def test_both_figures_are_printed_with_their_names(run, capsys):
    arguments = ["--dataset", "tiny", "--data-dir", run.data_dir, "--no-intervals", "--checkpoint"]
    arguments.append(str(run.path("best_checkpoint")))
    written = {}
    for flip in ("", "false", "true"):
        assert evaluate([*arguments, *(["-o", f"test_flip={flip}"] if flip else [])]) == 0
        out = capsys.readouterr().out
        written[flip] = out.rpartition("written to ")[2].strip()
        assert ("mirror image averaged" in out) == (flip != "false")
    assert written[""] == written["true"] != written["false"]
    results = {flip: json.load(open(path, encoding="utf-8")) for flip, path in written.items()}
    assert results["true"]["protocol"] == "all 4 images, mirror image averaged"
    assert results["false"]["protocol"] == "all 4 images"
