"""A backbone brings the size and the pixels of its images, where nobody chooses others."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from tiny import make_config, save_untrained

import vsepp
from vsepp import InputError
from vsepp.checkpoint import load_checkpoint, save_checkpoint
from vsepp.cli.command import run
from vsepp.cli.features import main as features
from vsepp.config import Config, load_config
from vsepp.data.preprocessing import PIXELS, Preprocessing
from vsepp.models.backbones import BACKBONES, with_own_images
from vsepp.models.encoders import find_image_encoder
from vsepp.training.data import open_splits
from vsepp.training.seeds import train_seeds
from vsepp.training.starting import with_model_of_init_from

TINY = "shufflenet_v2_x0_25"
OWN = {"resize": 40, "image_size": 33, "pixels": "symmetric"}
UNSAID = {key: getattr(Config(), key) for key in OWN}
STEPS = Preprocessing(40, 33, mean=(0.5,) * 3, std=(0.5,) * 3)


@pytest.fixture
def own(monkeypatch):
    """As if the tiny backbone wanted images of its own, as Inception v3 does."""
    entry = BACKBONES[TINY]._replace(images=tuple(OWN.items()))
    monkeypatch.setitem(BACKBONES, TINY, entry)


def images_of(config):
    return {key: getattr(config, key) for key in OWN}


def test_inception_wants_299_pixels_from_minus_one_to_one():
    config = with_own_images(load_config(None, ["image_model=inception_v3"]))

    assert images_of(config) == {"resize": 299, "image_size": 299, "pixels": "symmetric"}
    encoder = find_image_encoder("inception_v3").for_training(Config(image_model="inception_v3"))
    assert encoder.preprocessing == Preprocessing(299, 299, mean=(0.5,) * 3, std=(0.5,) * 3)
    encoder.check_sizes()


def test_the_other_backbones_want_what_they_always_did():
    assert {name for name, entry in BACKBONES.items() if entry.images} == {"inception_v3"}
    config = load_config(None, ["image_model=resnet50"])
    assert with_own_images(config) is config
    assert find_image_encoder("resnet50").for_training(config).preprocessing == Preprocessing()


def test_what_a_user_gives_is_obeyed():
    given = ["image_model=inception_v3", "image_size=224", "resize=256"]
    config = with_own_images(load_config(None, given))

    assert images_of(config) == {"resize": 256, "image_size": 224, "pixels": "symmetric"}
    assert images_of(with_own_images(config)) == images_of(config)
    plain = with_own_images(load_config(None, [*given, "pixels=imagenet"]))
    assert Preprocessing.configured(plain) == Preprocessing()
    with pytest.raises(InputError, match="resize 256 is less than image_size 299: set resize=299"):
        config = load_config(None, ["image_model=inception_v3", "resize=256"])
        find_image_encoder("inception_v3").for_training(config).check_sizes()


def test_every_choice_of_pixels_has_its_numbers():
    from vsepp.config import KEYS

    assert tuple(PIXELS) == KEYS["pixels"].metadata["choices"]


@pytest.mark.parametrize("finetuned", [False, True])
def test_a_run_and_its_checkpoints_have_the_backbones_images(data, tmp_path, own, finetuned):
    config = make_config(
        data, tmp_path, finetuned=finetuned, num_epochs=1, evaluate_step=100, **UNSAID
    )
    vsepp.train(config)

    model = vsepp.load(config.path("best_checkpoint"))
    assert model.preprocessing == STEPS and images_of(model.config) == OWN
    (record,) = (tmp_path / "runs" / "tiny").glob("*/config.yml")
    assert images_of(Config(**yaml.safe_load(record.read_text(encoding="utf-8")))) == OWN
    fed = model.preprocess(Image.new("RGB", (50, 40), (0, 255, 51)))
    assert fed.shape == (1, 3, 33, 33)
    np.testing.assert_allclose(fed[0, :, 0, 0], [-1, 1, -0.6], atol=1e-6)
    again = make_config(
        data,
        tmp_path,
        finetuned=finetuned,
        num_epochs=2,
        evaluate_step=100,
        checkpoint="last",
        **UNSAID,
    )
    vsepp.train(again)
    assert load_checkpoint(config.path("last_checkpoint"))["epoch"] == 2


def test_the_network_in_training_is_fed_what_a_photograph_becomes_in_use(tmp_path, own):
    config = make_config(tmp_path, tmp_path, finetuned=True, **UNSAID)
    encoder = find_image_encoder(TINY).for_training(config)
    pixels = np.random.default_rng(0).integers(0, 256, (1, 33, 33, 3)).astype(np.uint8)
    import paddle

    fed = encoder.build_for_training().normalized(paddle.to_tensor(pixels)).numpy()

    np.testing.assert_allclose(fed, (pixels / 127.5 - 1).transpose(0, 3, 1, 2), atol=1e-6)


def test_features_are_of_these_images_and_kept_apart(data, tmp_path, own):
    config = make_config(data, tmp_path, image_features="grid", **UNSAID)
    origin = open_splits(config, ("val",)).backbone.origin
    plain = open_splits(
        load_config(None, [f"{key}={value}" for key, value in config_values(config).items()]),
        ("val",),
    ).backbone.origin

    assert origin.encoding.preprocessing == STEPS and origin.grid == 2
    assert origin.encoding.fingerprint == plain.encoding.fingerprint
    assert plain.encoding.preprocessing == Preprocessing(40, 33)
    assert origin.folder_name.startswith(plain.folder_name[: -len("-grid2")] + "-mean-")


def config_values(config):
    """As `-o` gives them, the pixels ImageNet's."""
    names = ("dataset", "data_dir", "min_word_count", "image_model", "image_features")
    values = {name: getattr(config, name) for name in names}
    return {**values, "pretrained": False, "finetuned": False, **OWN, "pixels": "imagenet"}


def test_features_has_the_images_of_the_training(data, tmp_path, own):
    values = {**config_values(make_config(data, tmp_path)), "device": "cpu"}
    words = [f"{key}={value}" for key, value in values.items() if key not in OWN]

    assert run(features, [part for word in words for part in ("-o", word)]) == 0

    folders = (Path(data) / "tiny" / "features").glob(f"{TINY}-*-40-33-mean-*")
    assert any("grid" not in folder.name and (folder / "test.npy").is_file() for folder in folders)


def earlier(path):
    """Turn a checkpoint into one of a version that had no key for the pixels."""
    content = load_checkpoint(path)
    del content["config"]["pixels"], content["fingerprint"], content["format"]
    model, vocab = content.pop("model"), content.pop("vocab")
    rest = {key: content.pop(key) for key in ("config", "epoch", "step")}
    save_checkpoint(path, model, rest["config"], vocab, rest["epoch"], rest["step"], **content)


def test_what_an_earlier_version_wrote_means_the_same(data, tmp_path, request):
    usual = dict(num_epochs=1, evaluate_step=100)  # the sizes of tiny.py, given
    config = make_config(data, tmp_path, **usual)
    vsepp.train(config)
    for key in ("best_checkpoint", "last_checkpoint"):
        earlier(config.path(key))
    request.getfixturevalue("own")

    best = config.path("best_checkpoint")
    assert vsepp.load(best).preprocessing == Preprocessing(36, 32)
    begun, _ = with_model_of_init_from(load_config(None, [f"init_from={best}"]))
    assert images_of(with_own_images(begun)) == dict(resize=36, image_size=32, pixels="imagenet")
    usual["num_epochs"] = 2
    vsepp.train(make_config(data, tmp_path, checkpoint="last", **usual))
    resumed = load_checkpoint(config.path("last_checkpoint"))
    assert (resumed["epoch"], resumed["config"]["pixels"]) == (2, "imagenet")


def test_a_run_of_other_images_is_not_gone_on_with(data, tmp_path, own):
    usual = dict(num_epochs=1, evaluate_step=100, **UNSAID)
    vsepp.train(make_config(data, tmp_path, **usual))

    with pytest.raises(InputError, match="image_size = 33, now it is 32: set image_size"):
        vsepp.train(make_config(data, tmp_path, checkpoint="last", **{**usual, "image_size": 32}))


def test_the_runs_of_seeds_have_them_too_and_are_known_again(data, tmp_path, own):
    config = make_config(data, tmp_path, num_epochs=1, evaluate_step=100, **UNSAID)
    (first,) = train_seeds(config, [3])
    (again,) = train_seeds(config, [3])

    assert images_of(first.config) == OWN
    assert (first.trained, again.trained) == (True, False)


def test_a_checkpoint_says_what_its_network_is_fed(tmp_path):
    path = save_untrained(tmp_path / "x.ckpt", ["a"], pixels="symmetric")

    assert vsepp.load(path).preprocessing == Preprocessing(36, 32, mean=(0.5,) * 3, std=(0.5,) * 3)
