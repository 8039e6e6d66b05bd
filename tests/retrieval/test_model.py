"""Using a checkpoint: photographs and sentences become codes, and are compared."""

import math
from pathlib import Path

import numpy as np
import paddle
import pytest
from PIL import Image
from tiny import make_config, make_data

import vsepp
from vsepp import InputError
from vsepp.checkpoint import save_checkpoint
from vsepp.training.data import open_splits

SENTENCES = ["a red square", "the stripe is blue", "A Green frame, on grey."]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_data(tmp_path_factory.mktemp("inference") / "data")


@pytest.fixture(scope="module", params=[True, False], ids=["finetuned", "frozen"])
def run(request, data, tmp_path_factory):
    """The configuration of a run of one epoch, through photographs or over features."""
    config = make_config(
        data,
        tmp_path_factory.mktemp("run"),
        finetuned=request.param,
        num_epochs=1,
        evaluate_step=100,
    )
    vsepp.train(config)
    return config


@pytest.fixture(scope="module")
def model(run):
    return vsepp.load(run.path("best_checkpoint"))


@pytest.fixture
def paths(data):
    return sorted((Path(data) / "tiny" / "images").iterdir())


def unit(codes):
    return np.allclose(np.linalg.norm(codes, axis=1), 1, atol=1e-5)


def test_photographs_become_unit_vectors(model, paths):
    codes = model.encode_image(paths[:5])

    assert codes.shape == (5, 16) and codes.dtype == np.float32
    assert unit(codes)
    assert len(np.unique(codes.round(5), axis=0)) == 5
    np.testing.assert_array_equal(model.encode_image(paths[:5]), codes)


def test_codes_are_those_of_training(model, run):
    """Preprocessing and weights are the run's: its own evaluation gives the same codes."""
    from vsepp.models.encoders import encoders_for_training
    from vsepp.models.state import set_state
    from vsepp.models.vsepp import build_model
    from vsepp.retrieval.encoding import encode_dataset

    data = open_splits(run, ("test",))
    dataset = data.splits["test"]
    feature_size = None if run.finetuned else 512
    trained = build_model(*encoders_for_training(run, data, feature_size))
    stored = vsepp.load_checkpoint(run.path("best_checkpoint"))["model"]
    set_state(
        trained, stored, "best", optional=() if run.finetuned else ("image_extractor.backbone.",)
    )
    images, texts = encode_dataset(trained, dataset, 7)

    found = model.encode_image([dataset.image_path(k) for k in range(len(dataset.images))])

    np.testing.assert_allclose(found, images, atol=1e-5)
    np.testing.assert_allclose(model.encode_indices(dataset.captions), texts, atol=1e-5)


def test_a_path_a_text_path_and_an_opened_picture_are_one(model, paths):
    codes = model.encode_image(paths[0])

    assert codes.shape == (1, 16)
    np.testing.assert_array_equal(model.encode_image(str(paths[0])), codes)
    with Image.open(paths[0]) as image:
        np.testing.assert_array_equal(model.encode_image(image), codes)
        np.testing.assert_array_equal(model.encode_image([image])[0], codes[0])


def test_any_mode_is_taken_as_rgb(model, paths):
    with Image.open(paths[0]) as image:
        grey = image.convert("L")

        found = model.encode_image([grey, image.convert("RGBA")])

        expected = model.encode_image(grey.convert("RGB"))[0]
        np.testing.assert_allclose(found[0], expected, atol=1e-6)
        np.testing.assert_allclose(found[1], model.encode_image(image)[0], atol=1e-6)


def test_a_photograph_is_turned_as_exif_says(model, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (32, 40, 3)).astype(np.uint8)
    upright = Image.fromarray(noise)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90°
    path = tmp_path / "turned.png"
    upright.transpose(Image.ROTATE_90).save(path, exif=exif)

    expected = model.encode_image(upright)

    np.testing.assert_array_equal(model.encode_image(path), expected)
    with Image.open(path) as opened:
        np.testing.assert_array_equal(model.encode_image(opened), expected)
    as_it_lies = model.encode_image(upright.transpose(Image.ROTATE_90))
    np.testing.assert_array_equal(model.encode_image(path, exif=False), as_it_lies)
    assert not np.allclose(as_it_lies, expected, atol=1e-5)


def test_a_large_photograph_of_ones_own_is_not_decoded_whole(model, tmp_path):
    y, x = np.mgrid[:1200, :1600] / 1600
    scene = np.stack([np.sin(30 * x), np.cos(20 * y), np.sin(40 * x * y)], -1) * 90 + 128
    texture = np.random.default_rng(0).normal(size=scene.shape) * 10
    path = tmp_path / "large.jpg"
    Image.fromarray((scene + texture).clip(0, 255).astype(np.uint8)).save(path, quality=92)
    image = Image.open(path)
    image.load()

    own, of_a_data_set, given = (
        model.pixels(path),
        model.pixels(path, exif=False),
        model.pixels(image),
    )

    np.testing.assert_array_equal(given, of_a_data_set)
    assert own.shape == given.shape and not np.array_equal(own, given)
    assert np.abs(own.astype(int) - given).mean() < 2


def test_many_photographs_give_what_few_give(model, paths):
    many = (paths * 4)[:70]  # more than 64, and no multiple of a batch
    few = model.encode_image(paths)

    found = model.encode_image(many)

    assert model._predictor is not None
    np.testing.assert_allclose(found, np.concatenate([few] * 4)[:70], atol=1e-5)


def test_photographs_of_a_stream_have_the_same_codes_in_any_company(model, paths):
    pixels = np.stack([model.pixels(path) for path in paths])

    found = model.encode_pixels(pixels)

    np.testing.assert_allclose(found, model.encode_image(paths), atol=1e-5)
    parts = [model.encode_pixels(pixels[start : start + 7]) for start in range(0, len(paths), 7)]
    np.testing.assert_array_equal(np.concatenate(parts), found)
    assert model.encode_pixels(pixels[:0]).shape == (0, 16)


def test_sentences_become_unit_vectors(model):
    codes = model.encode_text(SENTENCES)

    assert codes.shape == (3, 16) and codes.dtype == np.float32
    assert unit(codes)
    np.testing.assert_array_equal(model.encode_text(SENTENCES), codes)
    np.testing.assert_allclose(model.encode_text(SENTENCES[2]), codes[2:], atol=1e-6)
    np.testing.assert_allclose(model.encode_text("a green frame on grey")[0], codes[2], atol=1e-6)


def test_nothing_gives_no_codes(model):
    assert model.encode_text([]).shape == (0, 16)
    assert model.encode_image([]).shape == (0, 16)
    assert model.encode_features(np.empty((0, 512))).shape == (0, 16)


def test_unknown_words_are_named_and_do_not_hinder(model):
    assert model.unknown_words("A purple zebra, on grey") == ["purple", "zebra"]
    assert unit(model.encode_text(["a purple square"]))
    np.testing.assert_array_equal(
        model.encode_text(["a purple square"]), model.encode_text(["a crimson square"])
    )


@pytest.mark.parametrize("sentence", ["purple zebras", "", " ?! ", "<start>"])
def test_a_sentence_without_a_known_word_is_refused(model, sentence):
    with pytest.raises(InputError, match="none of the words.*vocabulary"):
        model.encode_text(["a red square", sentence])


def test_similarity_is_the_dot_product_of_the_codes(model, paths):
    images, texts = model.encode_image(paths[:4]), model.encode_text(SENTENCES)

    found = model.similarity(paths[:4], SENTENCES)

    assert found.shape == (4, 3) and found.dtype == np.float32
    np.testing.assert_allclose(found, images @ texts.T, atol=1e-5)
    np.testing.assert_allclose(model.similarity(images, SENTENCES), found, atol=1e-6)
    np.testing.assert_allclose(model.similarity(paths[:4], texts), found, atol=1e-6)


def test_classify_gives_probabilities_most_probable_first(model, paths):
    found = model.classify(paths[0], ["red square", "blue stripe", "corner"], "a {}")

    assert sorted(found) == ["blue stripe", "corner", "red square"]
    assert sum(found.values()) == pytest.approx(1)
    assert list(found.values()) == sorted(found.values(), reverse=True)
    scores = model.similarity(paths[0], ["a " + label for label in found])[0]
    assert list(scores) == sorted(scores, reverse=True)
    ratio = np.exp((scores[0] - scores[1]) / 0.05)
    first, second, _ = found.values()
    assert first / second == pytest.approx(ratio, rel=1e-3)


def test_classify_uses_the_temperature_that_was_learned(data, paths, tmp_path):
    config = make_config(data, tmp_path, loss="npair", num_epochs=1, evaluate_step=100)
    vsepp.train(config)
    model = vsepp.load(config.path("best_checkpoint"))
    scale = math.exp(vsepp.load_checkpoint(model.checkpoint)["model"]["logit_scale"][0])

    ((first, most), (second, less)) = model.classify(
        paths[0], ["red square", "blue stripe"], "a {}"
    ).items()

    scores = model.similarity(paths[0], [f"a {first}", f"a {second}"])[0]
    assert most / less == pytest.approx(np.exp((scores[0] - scores[1]) * scale), rel=1e-3)


def test_features_become_codes_where_the_run_had_features(run, model, data):
    if run.finetuned:
        pytest.skip("this run had photographs")
    dataset = open_splits(run, ("test",)).splits["test"]
    features = np.stack([dataset.image(k) for k in range(len(dataset.images))])
    photographs = [dataset.image_path(k) for k in range(len(dataset.images))]

    for path in ("best_checkpoint", "last_checkpoint"):
        loaded = vsepp.load(run.path(path))
        if path == "best_checkpoint":
            np.testing.assert_allclose(
                loaded.encode_features(features), loaded.encode_image(photographs), atol=1e-5
            )
        assert unit(loaded.encode_features(features.tolist()))


@pytest.mark.parametrize("shape", [(512,), (2, 511), (2, 512, 1)])
def test_features_of_another_shape_are_refused(model, shape):
    with pytest.raises(InputError, match=r"shape \[n, 512\], not"):
        model.encode_features(np.zeros(shape, np.float32))


def test_without_its_backbone_a_checkpoint_says_so(run, paths):
    if run.finetuned:
        pytest.skip("this run trained its backbone")
    last = vsepp.load(run.path("last_checkpoint"))

    assert unit(last.encode_text(SENTENCES))
    with pytest.raises(
        InputError,
        match="features of a frozen backbone.*shufflenet_v2_x0_25, "
        "fingerprint [0-9a-f]{12}.*best checkpoint",
    ):
        last.encode_image(paths[0])

    last.frozen = {**last.frozen, "backbone": "precomputed"}  # as the authors' features come
    with pytest.raises(InputError, match="came without their network.*encode_features"):
        last.encode_image(paths[0])


def test_no_weights_are_looked_for(run, paths, monkeypatch):
    from vsepp.models import weights

    monkeypatch.setattr(weights, "pretrained_weights_path", lambda *_: pytest.fail("looked"))
    stored = vsepp.load_checkpoint(run.path("best_checkpoint"))
    stored["config"].update(pretrained=True, weights="nowhere.pdparams")
    path = run.path("best_checkpoint").with_name("moved.ckpt")
    save_checkpoint(
        path,
        **{key: value for key, value in stored.items() if key not in ("format", "fingerprint")},
    )

    assert unit(vsepp.load(path).encode_image(paths[0]))


def test_a_picture_that_cannot_be_read_is_refused_by_name(model, tmp_path, paths):
    path = tmp_path / "broken.jpg"
    path.write_bytes(b"no picture")

    with pytest.raises(InputError, match="broken.jpg is empty or not an image"):
        model.encode_image([paths[0], path])


def test_a_missing_checkpoint_is_refused():
    with pytest.raises(InputError, match="nowhere.ckpt does not exist"):
        vsepp.load("nowhere.ckpt")


def test_gradients_of_others_are_left_alone(model, paths):
    model.similarity(paths[:1], SENTENCES)

    assert paddle.is_grad_enabled()


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"embed_size": 60_000}, "bomb.ckpt: .* its configuration and vocabulary say"),
        ({"word_dim": 60_000}, "bomb.ckpt: .* its configuration and vocabulary say"),
        ({"num_layers": 100}, "bomb.ckpt: it lacks the parameter .*_l99"),
    ],
)
def test_a_checkpoint_that_asks_for_more_than_it_holds_is_refused_at_once(
    run, tmp_path, changes, said
):
    whole = vsepp.load_checkpoint(run.path("best_checkpoint"))
    save_checkpoint(
        tmp_path / "bomb.ckpt", whole["model"], {**whole["config"], **changes}, whole["vocab"], 1, 1
    )

    with pytest.raises(InputError, match=said):
        vsepp.load(tmp_path / "bomb.ckpt").encode_text("a red square")


@pytest.mark.parametrize(
    ("captions", "message"),
    [
        ([[4, 1, 5], []], "caption 1 is empty"),
        ([[4, 1, 5], [4, 99, 5]], "caption 1 holds the index 99, outside"),
        ([[-1]], "caption 0 holds the index -1, outside"),
        ([[2**70]], "caption 0 is no list of whole numbers"),
        ([[1.5]], "caption 0 is no list of whole numbers"),
        ([[True]], "caption 0 is no list of whole numbers"),
        (["a"], "caption 0 is no list of whole numbers"),
        ([4, 1, 5], "caption 0 is no list of whole numbers"),
        (None, "captions must be given as a list"),
    ],
)
def test_indices_that_the_reader_does_not_give_are_refused(model, captions, message):
    with pytest.raises(InputError, match=message):
        model.encode_indices(captions)


@pytest.mark.parametrize("given", (None, 5, [None], [b"red"], ["red", ["square"]]))
def test_what_are_no_sentences_is_refused(model, given):
    for ask in (model.encode_text, model.tokenize):
        with pytest.raises(InputError, match="sentence"):
            ask(given)


@pytest.mark.parametrize("given", (None, 5, [None], [np.zeros((4, 4, 3), np.uint8)]))
def test_what_are_no_photographs_is_refused(model, given):
    for ask in (model.encode_image, model.preprocess):
        with pytest.raises(InputError, match="photograph|images must be given as a list") as error:
            ask(given)
        assert "\n" not in str(error.value)


def test_nothing_is_encoded_to_nothing(model):
    assert model.encode_text([]).shape == model.encode_indices([]).shape == (0, model.embed_size)
    assert model.encode_image([]).shape == (0, model.embed_size)
    assert [part.shape for part in model.tokenize([])] == [(0, 0), (0,)]


@pytest.mark.parametrize("number", (np.nan, np.inf, 1e300))
def test_features_that_are_no_numbers_are_refused(model, number):
    size = model.image_extractor.fc.weight.shape[0]
    features = np.zeros((3, size))
    features[1, 2] = number

    with pytest.raises(InputError, match="row 1 holds NaN, infinity"):
        model.encode_features(features)
