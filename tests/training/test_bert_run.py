"""The whole way of a pretrained text encoder: trained, resumed, loaded, scored, asked."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from tiny import hardly_drawn, make_config, make_data

pytest.importorskip("tokenizers")

from vsepp import load, load_checkpoint, train
from vsepp.cli import eval as eval_command
from vsepp.cli import infer
from vsepp.system.errors import InputError
from vsepp.training.retrieval import RetrievalTask

FOLDER = Path(__file__).parents[1] / "golden" / "towers" / "tiny_bert"
NEEDED = ("config.json", "model.safetensors", "tokenizer.json")


@pytest.fixture
def weights(tmp_path):
    """A folder as it is fetched, which a test may take away."""
    folder = tmp_path / "tiny_bert"
    folder.mkdir()
    for name in NEEDED:
        shutil.copy(FOLDER / name, folder)
    return folder


def run(data_dir, out, weights, **changes):
    values = dict(
        text_model="bert",
        text_weights=str(weights),
        text_pooling="mean",
        loss="npair",
        word_dropout=0.1,
    )
    with hardly_drawn():
        config = make_config(data_dir, out, **{**values, **changes})
        return config, train(config)


def test_a_run_is_trained_resumed_and_used_without_the_folder(tmp_path, weights, capsys):
    data_dir = make_data(tmp_path)
    whole, _ = run(data_dir, tmp_path / "whole", weights, num_epochs=2)

    first, _ = run(data_dir, tmp_path / "parts", weights, num_epochs=1)
    shutil.rmtree(weights)
    last = str(first.path("last_checkpoint"))
    resumed, _ = run(data_dir, tmp_path / "parts", weights, num_epochs=2, checkpoint=last)
    expected = load_checkpoint(whole.path("last_checkpoint"))
    found = load_checkpoint(resumed.path("last_checkpoint"))
    assert "vocab" not in found
    for name, value in expected["model"].items():
        np.testing.assert_array_equal(found["model"][name], value, err_msg=name)

    best = resumed.path("best_checkpoint")
    model = load(best)
    ids, lengths = model.tokenize(["A red square", "the stripe"])
    assert ids.dtype == np.int64 and ids[0, 0] == model.reader.start
    assert ids[1, lengths[1] - 1] == model.reader.end
    codes = model.encode_text(["A red square", "the stripe"])
    np.testing.assert_allclose(np.linalg.norm(codes, axis=1), 1, atol=1e-5)
    assert model.encode_text("a red square").shape == (1, 16)

    there = ["--dataset", "tiny", "--data-dir", data_dir, "--checkpoint", str(best)]
    assert eval_command.main(there) == 0
    assert infer.main([*there, "--text", "a red square"]) == 0
    said = capsys.readouterr().out
    assert "rsum" in said and "another vocabulary" not in said


def test_the_pretrained_weights_are_what_a_run_begins_with_and_a_frozen_one_ends_with(
    tmp_path, weights
):
    from vsepp.models.pretrained_text.folder import open_pretrained

    pretrained = open_pretrained(weights).state()

    config, _ = run(make_data(tmp_path), tmp_path, weights, num_epochs=1, text_frozen=True)

    state = load_checkpoint(config.path("last_checkpoint"))
    for name, value in pretrained.items():
        found = state["model"][f"text_extractor.bert.{name}"]
        np.testing.assert_array_equal(found, value, err_msg=name)
        assert f"text_extractor.bert.{name}" not in state["optimizer"]["moment1_0"]


def test_the_captions_themselves_are_read(tmp_path, weights):
    data_dir = make_data(tmp_path)
    path = tmp_path / "tiny" / "train_sentences.json"
    sentences = json.loads(path.read_text())
    path.write_text(json.dumps(["Quick foxes, running!", *sentences[1:]]))

    task = RetrievalTask(
        make_config(data_dir, tmp_path, text_model="bert", text_weights=str(weights))
    )

    train_split = task.data.splits["train"]
    assert train_split.captions[:1] == task.text.reader.indices(["Quick foxes, running!"])
    encoder, network = task.text, task.model.text_extractor
    marked = {parameter.name for parameter in encoder.pretrained_parameters(network)}
    assert marked == {parameter.name for parameter in network.bert.parameters()}


def test_long_captions_are_cut_and_it_is_said(tmp_path, weights, capsys):
    data_dir = make_data(tmp_path)
    path = tmp_path / "tiny" / "val_sentences.json"
    sentences = json.loads(path.read_text())
    path.write_text(json.dumps(["a dog " * 30, *sentences[1:]]))
    config = make_config(data_dir, tmp_path, text_model="bert", text_weights=str(weights))

    task = RetrievalTask(config)

    assert len(task.data.splits["val"].captions[0]) == 40
    assert "1 of 20 sentences cut: the text encoder takes 40 tokens" in capsys.readouterr().err


@pytest.mark.parametrize(
    "changes, said",
    [
        (dict(text_weights=None), "set text_weights to the folder"),
        (dict(text_pooling="last"), "last is not for text_model=bert"),
        (dict(word_vectors="glove.txt"), "leave them out"),
        (dict(text_weights="nowhere"), "there is no folder nowhere"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, changes, said):
    values = {**dict(text_model="bert", text_weights=str(FOLDER)), **changes}

    with pytest.raises(InputError, match=said):
        RetrievalTask(make_config(make_data(tmp_path), tmp_path, **values))


def test_data_prepared_without_their_sentences_are_refused_with_the_mend(tmp_path, weights):
    data_dir = make_data(tmp_path)
    config, _ = run(data_dir, tmp_path, weights, num_epochs=1)
    missing = tmp_path / "tiny" / "test_sentences.json"
    missing.unlink()
    best = config.path("best_checkpoint")
    for file in best.parent.glob("*.codes"):
        file.unlink()

    for use in (lambda: RetrievalTask(config), lambda: _score(data_dir, best)):
        with pytest.raises(
            InputError, match="test_sentences.json does not exist.* prepare .*--force"
        ):
            use()


def _score(data_dir, checkpoint):
    from vsepp.retrieval.gallery import open_gallery

    open_gallery(load(checkpoint), Path(data_dir) / "tiny", "test")


def test_a_run_begins_with_a_checkpoint_of_another_and_with_no_other_text_model(tmp_path, weights):
    data_dir = make_data(tmp_path)
    config, _ = run(data_dir, tmp_path / "first", weights, num_epochs=1)
    shutil.rmtree(weights)
    init_from = str(config.path("best_checkpoint"))

    again, _ = run(data_dir, tmp_path / "second", None, init_from=init_from, num_epochs=1)
    assert load(again.path("best_checkpoint")).encode_text("a dog").shape == (1, 16)
    with pytest.raises(InputError, match="set text_model to that of the checkpoint"):
        run(
            data_dir,
            tmp_path / "third",
            None,
            init_from=init_from,
            text_model="gru",
            text_pooling="auto",
            word_dropout=0.0,
        )


def test_a_damaged_checkpoint_is_refused(tmp_path, weights):
    from vsepp.checkpoint import save_checkpoint

    config, _ = run(make_data(tmp_path), tmp_path, weights, num_epochs=1)
    whole = load_checkpoint(config.path("best_checkpoint"))

    def damaged(**changes):
        header = {**whole, **changes}
        more = {key: header[key] for key in ("bert", "subwords") if header[key]}
        path = tmp_path / "damaged.ckpt"
        save_checkpoint(path, header["model"], header["config"], None, 1, 1, **more)
        load(path).encode_text("a dog")

    smaller = {**whole["bert"], "vocab_size": 400}
    for changes, said in (
        (dict(bert=None), "lacks 'bert'"),
        (dict(subwords=None), "lacks its tokenizer"),
        (dict(bert=smaller), "its tokenizer is not that of its text encoder"),
        (dict(bert={**whole["bert"], "hidden_size": 64}), "has the shape"),
    ):
        with pytest.raises(InputError, match=said):
            damaged(**changes)
    damaged()
