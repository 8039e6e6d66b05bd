"""A configuration is the defaults, then a file, then single values; mistakes are refused."""

import pytest

from vsepp.config import Config, apply, bundled_names, load_config, override
from vsepp.system.errors import InputError

DOCUMENTED = {
    "captions_per_image": 5,
    "batch_size": 16,
    "word_dim": 300,
    "embed_size": 1024,
    "num_layers": 1,
    "image_model": "resnet152",
    "finetuned": True,
    "learning_rate": 0.00002,
    "lr_update": 15,
    "min_learning_rate": 0.000002,
    "margin": 0.2,
    "hard_negative": True,
    "num_epochs": 45,
    "grad_clip": 2,
    "evaluate_step": 60,
    "checkpoint": None,
    "best_checkpoint": "./model/vsepp/best_<dataset>.ckpt",
    "last_checkpoint": "./model/vsepp/last_<dataset>.ckpt",
    "lr_decay": 0.5,
    "seed": 0,
    "device": "auto",
    "resize": 256,
    "image_size": 224,
    "pretrained": True,
    "weights": None,
    "features": "auto",
    "normalize_features": False,
    "hard_negative_warmup": 0,
    "mask_same_image": False,
    "loss": "triplet",
    "measure": "cosine",
    "init_from": None,
    "use_restval": False,
    "amp": "off",
    "min_word_count": 5,
    "max_len": 30,
}


def yaml_file(tmp_path, text):
    path = tmp_path / "mine.yml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", [None, "flickr8k"])
def test_the_documented_run_has_the_documented_values(name):
    values = load_config(name).to_dict()

    assert {key: values[key] for key in DOCUMENTED} == DOCUMENTED


@pytest.mark.parametrize("name", bundled_names())
def test_every_bundled_configuration_is_valid(name):
    config = load_config(name)

    assert apply(Config(), config.to_dict(), "itself") == config


def test_single_values_win_over_the_file_and_the_file_over_the_defaults(tmp_path):
    path = yaml_file(tmp_path, "margin: 0.3\nbatch_size: 8\n")

    config = load_config(path, ["margin=0.4"])

    assert (config.margin, config.batch_size, config.embed_size) == (0.4, 8, 1024)


@pytest.mark.parametrize("how", [dict(dataset="sample"), dict(overrides=["dataset=sample"])])
def test_a_data_set_brings_its_own_configuration(how):
    config = load_config(**how)

    assert config == load_config("sample")
    assert config.image_size == 64


def test_a_data_set_without_a_configuration_takes_the_defaults():
    assert load_config(dataset="pets") == Config(dataset="pets")


def test_the_data_set_given_wins_over_the_one_in_the_file(tmp_path):
    path = yaml_file(tmp_path, "dataset: pets\n")

    assert load_config(path).dataset == "pets"
    assert load_config(path, dataset="cars").dataset == "cars"
    assert load_config(path, ["dataset=birds"], dataset="cars").dataset == "birds"


@pytest.mark.parametrize("dataset", ["flickr8k", "coco", "pets"])
def test_the_authors_stages_exist_for_every_data_set(dataset):
    first, second = load_config(f"{dataset}_paper"), load_config(f"{dataset}_paper_finetune")

    assert first.dataset == second.dataset == dataset
    assert (first.finetuned, first.learning_rate, first.num_epochs) == (False, 2e-4, 30)
    assert (second.finetuned, second.learning_rate, second.num_epochs) == (True, 2e-5, 15)
    assert first.normalize_features and first.batch_size == 128


def test_a_file_whose_name_looks_like_a_stage_is_still_a_file(tmp_path, monkeypatch):
    (tmp_path / "my_paper.yml").write_text("margin: 0.7")
    monkeypatch.chdir(tmp_path)

    assert load_config("my_paper.yml").margin == 0.7


def test_paths_have_the_data_set_filled_in():
    path = Config(dataset="pets").path("best_checkpoint")

    assert path.as_posix() == "model/vsepp/best_pets.ckpt"


@pytest.mark.parametrize(
    "text, key, value",
    [
        ("margin=1", "margin", 1.0),
        ("learning_rate=2e-5", "learning_rate", 2e-5),
        ("amp=off", "amp", "off"),
        ("features=false", "features", False),
        ("features=auto", "features", "auto"),
        ("workers=2", "workers", 2),
        ("workers=auto", "workers", "auto"),
        ("weights=null", "weights", None),
        ("weights=a=b.pth", "weights", "a=b.pth"),
        (" margin = 0.5", "margin", 0.5),
    ],
)
def test_values_are_read_as_yaml(text, key, value):
    found = getattr(load_config(overrides=[text]), key)

    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    "text, message",
    [
        ("batch_size=big", "batch_size must be a whole number, not 'big'"),
        ("batch_size=1.5", "batch_size must be a whole number"),
        ("batch_size=true", "batch_size must be a whole number"),
        ("batch_size=", "batch_size must be a whole number"),
        ("batch_size=[1]", "batch_size must be a whole number"),
        ("batch_size=0", "batch_size must be at least 1"),
        ("margin=wide", "margin must be a number"),
        ("margin=-0.1", "margin must be at least 0"),
        ("margin=.nan", "margin must be a number"),
        ("margin=nan", "margin must be a number"),
        ("margin=.inf", "margin must be a number"),
        ("learning_rate=1e999", "learning_rate must be a number"),
        ("learning_rate=0", "learning_rate must be more than 0"),
        ("finetuned=1", "finetuned must be true or false"),
        ("finetuned=maybe", "finetuned must be true or false"),
        ("dataset=7", "dataset must be text"),
        ("weights=7", "weights must be text or null"),
        ("workers=many", "workers must be a whole number or auto"),
        ("workers=-1", "workers must be at least 0"),
        ("features=1", "features must be true or false or auto"),
        ("measure=euclid", "measure must be one of cosine, order"),
        ("device=tpu", "device must be one of auto, cpu, gpu"),
        ("margin", "-o margin: write it as key=value"),
        ("margin={", "the value cannot be read"),
        ("margin=2020-99-99", "the value cannot be read"),
        ("embed_size=100000000000", "embed_size must be at most 65536"),
        ("num_layers=1000000", "num_layers must be at most 100"),
        ("seed=99999999999999999999", "seed must be at most 2147483647"),
        ("margn=0.1", "there is no key 'margn'; the nearest is 'margin'"),
        ("zzz=1", "there is no key 'zzz'; the nearest is "),
    ],
)
def test_a_wrong_value_or_key_is_refused_with_what_would_be_right(text, message):
    with pytest.raises(InputError) as caught:
        load_config(overrides=[text])

    assert message in str(caught.value)
    assert str(caught.value).startswith("-o")


@pytest.mark.parametrize(
    "text, message",
    [
        ("batch_sise: 8", "mine.yml: there is no key 'batch_sise'; the nearest is 'batch_size'"),
        ("batch_size: many", "mine.yml: batch_size must be a whole number"),
        ("1: 2", "mine.yml: there is no key 1"),
        ("- margin", "holds no `key: value` lines"),
        ("margin", "holds no `key: value` lines"),
        ("margin: {", "is not a YAML file"),
        ("!!python/object/apply:os.getcwd []", "is not a YAML file"),
        ("dataset: 2020-99-99", "is not a YAML file"),
        ("margin: 0.1\nmargin: 0.2", "the key 'margin' is there twice"),
        ("margin: " + "[" * 5_000, "is not a YAML file"),
    ],
)
def test_a_wrong_file_is_refused_by_its_name(tmp_path, text, message):
    with pytest.raises(InputError) as caught:
        load_config(yaml_file(tmp_path, text))

    assert message in str(caught.value)


def test_a_recipe_for_no_data_set_is_no_configuration():
    with pytest.raises(InputError, match="_paper does not exist"):
        load_config("_paper")


def test_an_empty_file_changes_nothing(tmp_path):
    assert load_config(yaml_file(tmp_path, "# nothing yet\n")) == Config()


def test_what_is_no_file_is_refused(tmp_path):
    binary = tmp_path / "binary.yml"
    binary.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(InputError, match="none.yml does not exist.*flickr8k"):
        load_config(tmp_path / "none.yml")
    with pytest.raises(InputError, match="is not a YAML file"):
        load_config(tmp_path)
    with pytest.raises(InputError, match="binary.yml is not a YAML file"):
        load_config(binary)


def test_a_whole_number_too_large_for_a_float_is_refused():
    with pytest.raises(InputError, match="margin must be a number"):
        load_config(None, [f"margin={10**400}"])


def test_what_was_given_is_known(tmp_path):
    path = yaml_file(tmp_path, "margin: 0.3\nmax_len: 30\n")

    config = load_config(path, ["batch_size=16"], "pets")

    assert config.given == {"margin", "max_len", "batch_size"}
    assert config.gives("max_len") and config.gives("batch_size") and not config.gives("seed")
    assert Config(max_len=9).gives("max_len") and not Config(max_len=30).gives("max_len")


@pytest.mark.parametrize("text", ["plain/file.ckpt", "a: b # c", "2020", "~", " x", "it's", "数据"])
def test_an_override_is_read_back_whatever_the_text(text):
    assert load_config(None, [override("data_dir", text)]).data_dir == text


def test_a_configuration_may_have_checkpoints_of_its_own(tmp_path):
    path = yaml_file(tmp_path, "best_checkpoint: model/<configuration>/best_<dataset>.ckpt\n")

    best = load_config(path, dataset="pets").path("best_checkpoint")

    assert best.as_posix() == "model/mine/best_pets.ckpt"
