"""The whole way of a pretrained text encoder: trained, resumed, loaded, scored, asked."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from tiny import make_config, make_data_with_features

pytest.importorskip("tokenizers")

from vsepp import load, load_checkpoint, train
from vsepp.checkpoint import save_checkpoint
from vsepp.cli import eval as eval_command
from vsepp.cli import infer
from vsepp.models.pretrained_text.folder import open_pretrained
from vsepp.retrieval.gallery import open_gallery
from vsepp.system.errors import InputError
from vsepp.training.retrieval import RetrievalTask

FOLDER = Path(__file__).parents[1] / "golden" / "towers" / "tiny_bert"
BERT = dict(
    text_model="bert",
    text_weights=str(FOLDER),
    text_pooling="mean",
    loss="npair",
    word_dropout=0.1,
    learning_rate=0.001,
)


def run(data_dir, out, **changes):
    """The configuration of a run that is over."""
    config = make_config(data_dir, out, **{**BERT, **changes})
    train(config)
    return config


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    return make_data_with_features(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def trained(data_dir, tmp_path_factory):
    """A run of one epoch whose folder of weights is not there any more."""
    place = tmp_path_factory.mktemp("trained")
    folder = place / "tiny_bert"
    folder.mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        shutil.copy(FOLDER / name, folder)
    config = run(data_dir, place, text_weights=str(folder), num_epochs=1)
    shutil.rmtree(folder)
    return config


@pytest.fixture
def own_data(data_dir, tmp_path):
    """A copy of the data set, to be changed."""
    shutil.copytree(Path(data_dir) / "tiny", tmp_path / "tiny")
    return tmp_path


def begin_with(path, sentence):
    sentences = json.loads(path.read_text())
    path.write_text(json.dumps([sentence, *sentences[1:]]))


def test_a_resumed_run_needs_no_folder_and_repeats_what_was_not_interrupted(
    data_dir, trained, tmp_path
):
    whole = run(data_dir, tmp_path / "whole", num_epochs=2)

    last = str(trained.path("last_checkpoint"))
    shutil.copy(trained.path("best_checkpoint"), tmp_path)
    resumed = run(data_dir, tmp_path, checkpoint=last, text_weights=None, num_epochs=2)

    expected = load_checkpoint(whole.path("last_checkpoint"))["model"]
    found = load_checkpoint(resumed.path("last_checkpoint"))["model"]
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


def test_it_is_used_without_the_folder(data_dir, trained, capsys):
    best = trained.path("best_checkpoint")
    model = load(best)

    ids, lengths = model.tokenize(["A red square", "the stripe"])
    codes = model.encode_text(["A red square", "the stripe"])

    assert "vocab" not in load_checkpoint(best)
    assert ids.dtype == np.int64 and ids[0, 0] == model.reader.start
    assert ids[1, lengths[1] - 1] == model.reader.end
    np.testing.assert_allclose(np.linalg.norm(codes, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(model.encode_indices([ids[0, : lengths[0]]]), codes[:1], atol=1e-6)

    there = ["--dataset", "tiny", "--data-dir", data_dir, "--checkpoint", str(best)]
    assert eval_command.main(there) == 0
    assert infer.main([*there, "--text", "a red square"]) == 0
    said = capsys.readouterr().out
    assert "rsum" in said and "another vocabulary" not in said


def test_a_frozen_one_ends_as_it_began(data_dir, tmp_path):
    config = run(data_dir, tmp_path, num_epochs=1, text_frozen=True)

    state = load_checkpoint(config.path("last_checkpoint"))
    moments = state["optimizer"]["moment1_0"]
    for name, value in open_pretrained(FOLDER).state().items():
        name = f"text_extractor.bert.{name}"
        np.testing.assert_array_equal(state["model"][name], value, err_msg=name)
        assert name not in moments
    assert "text_extractor.fc.weight" in moments


def test_the_captions_themselves_are_read_and_cut_where_they_are_long(own_data, tmp_path, capsys):
    begin_with(own_data / "tiny" / "train_sentences.json", "Quick foxes, running!")
    begin_with(own_data / "tiny" / "val_sentences.json", "a dog " * 30)

    task = RetrievalTask(make_config(own_data, tmp_path, **BERT))

    splits = task.data.splits
    assert splits["train"].captions[:1] == task.text.reader.indices(["Quick foxes, running!"])
    assert len(splits["val"].captions[0]) == 40
    assert "1 of 20 sentences cut: the text encoder takes 40 tokens" in capsys.readouterr().err


def test_the_pretrained_learn_at_a_rate_of_their_own(data_dir, tmp_path):
    task = RetrievalTask(make_config(data_dir, tmp_path, **BERT, pretrained_lr=0.25))

    rates = {
        name: parameter.optimize_attr["learning_rate"]
        for name, parameter in task.model.named_parameters()
    }
    assert {name for name, rate in rates.items() if rate == 0.25} == {
        name for name in rates if name.startswith("text_extractor.bert.")
    }


@pytest.mark.parametrize(
    "changes, said",
    [
        (dict(text_weights=None), "set text_weights to the folder"),
        (dict(text_pooling="last"), "last is not for text_model=bert"),
        (dict(word_vectors="glove.txt"), "leave them out"),
        (dict(text_weights="nowhere"), "there is no folder nowhere"),
    ],
)
def test_what_does_not_fit_is_refused(data_dir, tmp_path, changes, said):
    with pytest.raises(InputError, match=said):
        RetrievalTask(make_config(data_dir, tmp_path, **{**BERT, **changes}))


def test_data_prepared_without_their_sentences_are_refused_with_the_mend(
    own_data, trained, tmp_path
):
    (own_data / "tiny" / "test_sentences.json").unlink()
    model = load(trained.path("best_checkpoint"))
    said = "test_sentences.json does not exist.* --dataset tiny .*--force"

    with pytest.raises(InputError, match=said):
        RetrievalTask(make_config(own_data, tmp_path, **BERT))
    with pytest.raises(InputError, match=said):
        open_gallery(model, own_data / "tiny", "test")


def test_a_run_begins_with_the_checkpoint_of_another(data_dir, trained, tmp_path):
    init_from = str(trained.path("best_checkpoint"))
    config = make_config(data_dir, tmp_path, **{**BERT, "text_weights": None}, init_from=init_from)

    task = RetrievalTask(config, with_weights=False)
    task.begin_with(load_checkpoint(init_from), init_from)

    name = "text_extractor.bert.word_embeddings.weight"
    np.testing.assert_array_equal(
        task.model.state_dict()[name].numpy(), load_checkpoint(init_from)["model"][name]
    )
    words = make_config(data_dir, tmp_path, init_from=init_from)
    with pytest.raises(InputError, match="set text_model to that of the checkpoint"):
        RetrievalTask(words, with_weights=False).begin_with(load_checkpoint(init_from), init_from)


@pytest.mark.parametrize("changes", [dict(), dict(text_weights=None)], ids=["folder", "none"])
def test_a_run_cannot_begin_with_a_checkpoint_that_reads_words(data_dir, tmp_path, changes):
    words = make_config(data_dir, tmp_path, num_epochs=1)
    train(words)
    init_from = str(words.path("best_checkpoint"))
    config = make_config(data_dir, tmp_path, **{**BERT, **changes}, init_from=init_from)

    with pytest.raises(InputError, match="best.* holds no .*text_model=bert: set text_model to"):
        RetrievalTask(config, with_weights=False)


@pytest.mark.parametrize(
    "changes, said",
    [
        (dict(bert=None), "lacks 'bert'"),
        (dict(subwords=None), "lacks its tokenizer"),
        (dict(bert={"vocab_size": 400}), "its tokenizer is not that of its text encoder"),
        (dict(bert={"hidden_size": 64}), "has the shape"),
        (dict(), None),
    ],
)
def test_a_damaged_checkpoint_is_refused(trained, tmp_path, changes, said):
    whole = load_checkpoint(trained.path("best_checkpoint"))
    path = tmp_path / "damaged.ckpt"
    more = {key: whole[key] for key in ("bert", "subwords")}
    for key, change in changes.items():
        more[key] = change and {**more[key], **change}
    save_checkpoint(path, whole["model"], whole["config"], None, 1, 1, **more)

    if said is None:
        assert load(path).encode_text("a dog").shape == (1, 16)
    else:
        with pytest.raises(InputError, match=said):
            load(path).encode_text("a dog")
