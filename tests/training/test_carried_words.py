"""A run begins with the weights of another vocabulary: word by word, and with what fits them."""

import json
from pathlib import Path

import numpy as np
import pytest
from tiny import make_config, make_data, make_data_with_features

import vsepp
from vsepp import InputError, create_dataset
from vsepp.config import load_config
from vsepp.models.state import get_state
from vsepp.text.vocabulary import Vocabulary
from vsepp.training import build_trainer
from vsepp.training.starting import with_model_of_init_from

EMBEDDING = "text_extractor.embedding.weight"


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """(configuration of a run, data_dir of the same pictures with "grey" renamed "zorbel")."""
    folder = tmp_path_factory.mktemp("carried")
    config = make_config(
        make_data_with_features(folder / "data"), folder, num_epochs=1, evaluate_step=100
    )
    vsepp.train(config)
    own = make_data_with_features(folder / "own")
    path = Path(own) / "tiny" / "dataset_tiny.json"
    path.write_text(path.read_text(encoding="utf-8").replace("grey", "zorbel"), encoding="utf-8")
    create_dataset(own, "tiny", captions_per_image=5, min_word_count=0)
    return config, own


def begun(places, tmp_path, **changes):
    config, own = places
    given = str(config.path("best_checkpoint"))
    return build_trainer(make_config(own, tmp_path, **{"init_from": given, **changes}))


def test_known_words_keep_their_rows_and_new_ones_begin_afresh(places, tmp_path):
    given = vsepp.load_checkpoint(places[0].path("best_checkpoint"))
    trainer = begun(places, tmp_path, num_epochs=1, evaluate_step=100)
    scratch = begun(places, tmp_path, init_from=None)

    state, fresh = get_state(trainer.task.model), get_state(scratch.task.model)
    words = trainer.task.text.reader.vocabulary
    assert "zorbel" in words and "grey" not in words
    for word, index in words.word_to_index.items():
        known = word in given["vocab"]
        assert known == (word != "zorbel")
        expected = given["model"][EMBEDDING][given["vocab"][word]] if known else fresh[EMBEDDING]
        np.testing.assert_array_equal(
            state[EMBEDDING][index], expected if known else expected[index]
        )
    for name in state.keys() - {EMBEDDING}:
        np.testing.assert_array_equal(state[name], given["model"][name])
    log = (trainer.folder.path / "log.txt").read_text(encoding="utf-8")
    kept = len(words) - len(vsepp.text.vocabulary.SPECIAL_WORDS) - 1
    assert f"of the {kept + 1} words, {kept} keep their embedding" in log
    assert "1 are new and start afresh; 1 of its words are dropped" in log

    trainer.run()
    model = vsepp.load(trainer.checkpoints.best)
    assert model.unknown_words("a zorbel in grey") == ["in", "grey"]
    assert model.encode_text(["one red square on zorbel"]).shape == (1, 16)


def test_the_same_vocabulary_is_taken_without_a_word(places, tmp_path):
    config, _ = places
    trainer = build_trainer(
        make_config(config.data_dir, tmp_path, init_from=str(config.path("best_checkpoint")))
    )

    assert "init_from" not in (trainer.folder.path / "log.txt").read_text(encoding="utf-8")


def test_another_tokenizer_is_said(places, tmp_path):
    _, own = places
    path = Path(own) / "tiny" / "prepared.json"
    before = path.read_text()
    prepared = json.loads(before)
    prepared["options"]["tokenizer"] = "treebank"
    path.write_text(json.dumps(prepared))
    try:
        trainer = begun(places, tmp_path)
    finally:
        path.write_text(before)

    log = (trainer.folder.path / "log.txt").read_text(encoding="utf-8")
    assert "has its captions cut by words, this run by treebank" in log
    assert "other weights" not in log


def test_features_of_another_backbone_are_said(places, tmp_path):
    trainer = begun(places, tmp_path, seed=7)  # without pretrained weights, another backbone

    log = (trainer.folder.path / "log.txt").read_text(encoding="utf-8")
    assert "was trained over features of other weights of shufflenet_v2_x0_25" in log


@pytest.mark.parametrize("change", [{"embed_size": 12}, {"word_dim": 7}])
def test_other_sizes_are_refused(places, tmp_path, change):
    with pytest.raises(InputError, match="has the shape .* the model wants"):
        begun(places, tmp_path, **change)


def test_what_the_weights_fit_comes_from_the_checkpoint_unless_it_is_given(places):
    path = str(places[0].path("best_checkpoint"))

    config, said = with_model_of_init_from(
        load_config(None, [f"init_from={path}", "embed_size=12"], "mine")
    )

    assert (config.image_model, config.word_dim) == ("shufflenet_v2_x0_25", 8)
    assert (config.embed_size, config.finetuned, config.image_size) == (12, False, 32)
    assert config.learning_rate == load_config(None, (), "mine").learning_rate
    assert said.startswith(f"as in {path}: word_dim=8, image_model=shufflenet_v2_x0_25")


def test_nothing_is_taken_without_a_checkpoint_or_where_all_is_so():
    config = load_config(None, (), "mine")

    assert with_model_of_init_from(config) == (config, None)


def test_a_vocabulary_that_grew_keeps_the_old_rows(places, tmp_path):
    config, _ = places
    given = vsepp.load_checkpoint(config.path("best_checkpoint"))
    data_dir = make_data(tmp_path / "grown")
    path = Path(data_dir) / "tiny" / "vocab.json"
    Vocabulary(given["vocab"]).grown([["zorbel"]], 0).save(path)

    trainer = begun((config, data_dir), tmp_path)

    rows = get_state(trainer.task.model)[EMBEDDING]
    assert len(rows) == len(given["vocab"]) + 1
    np.testing.assert_array_equal(rows[:-1], given["model"][EMBEDDING])
    assert rows[-1].any() and abs(rows[-1]).max() <= 0.1
