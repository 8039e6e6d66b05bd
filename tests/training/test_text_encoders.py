"""A run with a text encoder of another kind: it goes on exactly, and needs no file afterwards."""

from pathlib import Path

import numpy as np
import pytest
from tiny import make_config, make_data_with_features

import vsepp
from vsepp import InputError, create_dataset, load_checkpoint
from vsepp.config import load_config
from vsepp.training import build_trainer, dataset_task
from vsepp.training.starting import with_model_of_init_from

EMBEDDING = "text_extractor.embedding.weight"


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    """(configuration, last checkpoint, log) of a whole run, whose word vectors are gone."""
    return _run(data, tmp_path_factory.mktemp("whole"))


def _config(data, folder, **changes):
    vectors = folder / "vectors.txt"
    vectors.write_text("red 1 2 3\nblue 3 2 1\n")
    options = dict(
        text_model="bigru",
        text_pooling="gpo",
        word_vectors=str(vectors),
        word_dropout=0.2,
        embedding_dropout=0.2,
        output_dropout=0.2,
    )
    return make_config(data, folder, **{**options, **changes})


def _run(data, folder, **changes):
    config = _config(data, folder, **changes)
    trainer = build_trainer(config)
    Path(config.word_vectors).unlink()
    trainer.run()
    log = (trainer.folder.path / "log.txt").read_text(encoding="utf-8")
    return config, load_checkpoint(config.path("last_checkpoint")), log


def test_the_log_says_what_was_found(run):
    assert "2 begin with their vector of" in run[2] and "are missing there (" in run[2]


def test_a_run_goes_on_as_if_nothing_had_been_without_the_vectors(data, tmp_path, run):
    config, _, _ = _run(data, tmp_path, num_epochs=1)
    on = config.replaced(checkpoint="last", num_epochs=2, word_vectors=None)
    build_trainer(on).run()

    found = load_checkpoint(config.path("last_checkpoint"))

    assert found["model"].keys() == run[1]["model"].keys()
    for name, value in run[1]["model"].items():
        np.testing.assert_array_equal(found["model"][name], value, err_msg=name)


def test_a_model_is_used_without_the_vectors(run):
    model = vsepp.load(run[0].path("best_checkpoint"))

    assert model.encode_text(["a red circle"]).shape == (1, 16)


def test_words_are_carried_over_and_the_vectors_said_not_to_be_read(data, tmp_path, run):
    path = str(run[0].path("best_checkpoint"))
    own = make_data_with_features(tmp_path / "own")
    about = Path(own) / "tiny" / "dataset_tiny.json"
    about.write_text(about.read_text(encoding="utf-8").replace("grey", "zorbel"), encoding="utf-8")
    create_dataset(own, "tiny", captions_per_image=5, min_word_count=0)

    trainer = build_trainer(_config(own, tmp_path, init_from=path))

    log = (trainer.folder.path / "log.txt").read_text(encoding="utf-8")
    assert "keep their embedding" in log and "word_vectors is not read" in log
    given, number = load_checkpoint(path), trainer.task.text.reader.vocabulary.word_to_index
    rows = trainer.task.model.text_extractor.embedding.weight.numpy()
    np.testing.assert_array_equal(
        rows[number["red"]], given["model"][EMBEDDING][given["vocab"]["red"]]
    )


def test_the_pooling_comes_with_the_weights(run):
    path = run[0].path("best_checkpoint")

    config, said = with_model_of_init_from(load_config(None, [f"init_from={path}"], "mine"))

    assert (config.text_model, config.text_pooling) == ("bigru", "gpo")
    assert "text_pooling=gpo" in said and config.word_vectors is None


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"text_pooling": "first"}, "text_pooling: first is not for text_model=bigru"),
        ({"word_vectors": "nowhere.txt"}, "word_vectors: nowhere.txt cannot be read"),
        ({"word_vectors": __file__}, "line 1: not all of its numbers are numbers"),
        ({"word_dim": 2}, "has 3 numbers and word_dim is 2: set word_dim=3"),
    ],
)
def test_what_cannot_be_is_refused_before_features_are_computed(
    data, tmp_path, monkeypatch, changes, message
):
    monkeypatch.setattr(dataset_task, "open_splits", None)
    with pytest.raises(InputError, match=message):
        build_trainer(_config(data, tmp_path, **changes))
