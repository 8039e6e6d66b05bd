"""A CLIP goes on learning: its heads over frozen towers, or all of it; and it goes through every
tool as a model of ours does."""

from pathlib import Path

import numpy as np
import pytest
from tiny import make_config, make_data

pytest.importorskip("tokenizers")

from vsepp import load, load_checkpoint, train
from vsepp.cli import convert, features, infer, info, report, search
from vsepp.cli import eval as eval_command
from vsepp.config import load_config
from vsepp.convert.clip import convert_clip
from vsepp.demo.answers import QueryAnswerer
from vsepp.system.errors import InputError
from vsepp.training.starting import with_model_of_init_from

TOWERS = Path(__file__).parents[1] / "golden" / "towers"
HEADS = {f"{side}_extractor.fc.{kind}" for side in ("image", "text") for kind in ("weight", "bias")}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a data set below it and two CLIPs beside it."""
    place = tmp_path_factory.mktemp("clip")
    make_data(place)
    convert_clip(TOWERS / "tiny_clip", None, place / "clip.ckpt")
    convert_clip(TOWERS / "tiny_chinese_clip", None, place / "chinese.ckpt")
    return place


def run(place, out, **changes):
    """The configuration of a run of the recipe that is over."""
    own = make_config(place, out)
    kept = ("data_dir", "workers", "device", "run_dir", "best_checkpoint", "last_checkpoint")
    values = {
        **{key: getattr(own, key) for key in (*kept, "save_seconds")},
        "init_from": str(place / "clip.ckpt"),
        "batch_size": 8,
        "num_epochs": 1,
        "schedule": "step",
        "warmup_steps": 0,
        **changes,
    }
    overrides = [f"{key}={value}" for key, value in values.items()]
    config, _ = with_model_of_init_from(load_config("tiny_clip", overrides))
    train(config)
    return config


def moved(config):
    """Names of the parameters that a run of one CLIP has moved."""
    before = load_checkpoint(config.init_from)["model"]
    after = load_checkpoint(config.path("last_checkpoint"))["model"]
    return {
        name for name, value in after.items() if not np.array_equal(value, before[name])
    }, before.keys() - after.keys()


@pytest.mark.parametrize("kind", ["clip", "chinese"])
def test_heads_learn_over_frozen_towers(place, tmp_path, kind):
    config = run(place, tmp_path, init_from=str(place / f"{kind}.ckpt"))

    changed, absent = moved(config)
    assert changed == {*HEADS, "logit_scale"}
    assert absent and all(name.startswith("image_extractor.backbone.") for name in absent)
    model, original = load(config.path("best_checkpoint")), load(config.init_from)
    picture = place / "tiny" / "images" / "00.png"
    assert model.preprocessing == original.preprocessing
    np.testing.assert_array_equal(model.preprocess(picture), original.preprocess(picture))
    # a few small steps away from where it began
    assert 1e-6 < np.abs(model.encode_image(picture) - original.encode_image(picture)).max() < 0.2
    assert model.tokenize("a dog")[0].shape == original.tokenize("a dog")[0].shape


def test_a_run_that_goes_on_repeats_what_was_not_interrupted(place, tmp_path):
    whole = run(place, tmp_path / "whole", num_epochs=2)
    first = run(place, tmp_path / "first")

    last = str(first.path("last_checkpoint"))
    resumed = run(place, tmp_path / "first", checkpoint=last, num_epochs=2)

    expected = load_checkpoint(whole.path("last_checkpoint"))["model"]
    found = load_checkpoint(resumed.path("last_checkpoint"))["model"]
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


def test_all_of_it_learns_and_goes_on_without_the_first_checkpoint(place, tmp_path):
    own = tmp_path / "own.ckpt"
    own.write_bytes((place / "clip.ckpt").read_bytes())
    options = dict(init_from=str(own), finetuned=True, text_frozen=False, features=False)

    config = run(place, tmp_path, **options)

    changed, absent = moved(config)
    still = {
        name
        for name in load_checkpoint(own)["model"].keys() - changed
        if not name.endswith("key.bias")  # which the softmax takes no notice of
    }
    assert not absent and not still
    own.unlink()
    last = str(config.path("last_checkpoint"))
    again = run(place, tmp_path, checkpoint=last, num_epochs=2, **options)
    assert load_checkpoint(again.path("last_checkpoint"))["step"] == 14


def test_a_tower_may_stand_beside_another_encoder(place, tmp_path):
    config = make_config(
        place, tmp_path, image_model="clip_vit", weights=str(place / "clip.ckpt"), num_epochs=1
    )
    train(config)

    state = load_checkpoint(config.path("best_checkpoint"))["model"]
    assert state["image_extractor.fc.weight"].shape == (48, 16)  # a head of its own size
    assert load(config.path("best_checkpoint")).encode_text(["a red square"]).shape == (1, 16)


def test_a_missing_clip_is_asked_for(place, tmp_path):
    with pytest.raises(InputError, match=r"init_from: .*none.ckpt does not exist.*--clip FOLDER"):
        run(place, tmp_path, init_from=str(tmp_path / "none.ckpt"))


def test_its_features_can_be_computed_before(place, monkeypatch, capsys):
    monkeypatch.chdir(place)
    assert features.main(["-c", "tiny_clip", "-o", f"data_dir={place}"]) == 0

    said = capsys.readouterr().out
    assert "train: 12 images, 48 numbers each" in said and "backbone clip_vit" in said


def test_a_grid_of_it_is_refused_before_anything_is_stored(place, monkeypatch):
    monkeypatch.setattr("vsepp.models.feature_extraction.FeatureStore", None)
    monkeypatch.chdir(place)

    with pytest.raises(InputError, match="clip_vit has no grid: set image_features=global"):
        features.main(["-c", "tiny_clip", "-o", f"data_dir={place}", "image_features=grid"])


# ---- the tools ---------------------------------------------------------------------------------


@pytest.fixture
def there(place):
    return ["--dataset", "tiny", "--data-dir", str(place), "--checkpoint", str(place / "clip.ckpt")]


def test_it_is_scored_shown_and_written_as_paddle_keeps_weights(place, there, tmp_path, capsys):
    assert eval_command.main(there) == 0
    assert report.main([*there, "--out", str(tmp_path / "page.html")]) == 0
    assert info.main([str(place / "clip.ckpt")]) == 0
    weights = tmp_path / "clip.pdparams"
    assert convert.main(["--pdparams", str(place / "clip.ckpt"), str(weights)]) == 0

    said = capsys.readouterr().out
    assert "rsum" in said and "clip_vit" in said and weights.stat().st_size > 300_000
    assert "another vocabulary" not in said


def test_it_answers_sentences_photographs_and_labels(place, there, tmp_path, capsys):
    picture = place / "tiny" / "images" / "16.png"

    assert infer.main([*there, "--text", "a red square 狗"]) == 0
    assert infer.main([*there, "--image", str(picture)]) == 0
    assert infer.main([*there, "--image", str(picture), "--labels", "red", "blue"]) == 0

    lines = capsys.readouterr().out.splitlines()
    odds = [float(line.split()[-1]) for line in lines if line.startswith(("red ", "blue "))]
    expected = load(place / "clip.ckpt").classify(picture, ["red", "blue"])
    assert odds == pytest.approx([expected["red"], expected["blue"]], abs=1e-4)
    found = [Path(line.split()[-1]).name for line in lines if line.endswith(".png")]
    assert sorted(found) == ["16.png", "17.png", "18.png", "19.png"]


def test_a_folder_is_indexed_searched_and_opened_as_a_page(place, tmp_path, capsys):
    images, index = str(place / "tiny" / "images"), str(tmp_path / "index")
    own = str(place / "clip.ckpt")

    assert search.main(["index", images, "--checkpoint", own, "--out", index]) == 0
    assert search.main(["query", index, "a red square", "--top-k", "3"]) == 0
    assert search.main(["query", index, "--image", f"{images}/03.png", "--top-k", "1"]) == 0

    assert "1.000" in capsys.readouterr().out.splitlines()[-1]
    model = load(own)
    answers = QueryAnswerer(model, None)
    answers.warm_up()
    odds, remark = answers.label(f"{images}/00.png", "red, blue")
    assert dict(odds).keys() == {"red", "blue"} and remark == ""
