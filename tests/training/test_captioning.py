"""A captioner in the loop that trains retrieval: it learns, resumes, repeats, and is refused."""

import dataclasses
import os
import signal

import numpy as np
import paddle
import pytest
from data.test_precomp import create, write
from tiny import make_config
from whole_runs import Run, assert_same_run

import vsepp
from vsepp import InputError, load_checkpoint
from vsepp.captioning.decoding import decode
from vsepp.captioning.splits import cells_of
from vsepp.data.caption_batches import collate
from vsepp.models.caption_parts import DecoderParts
from vsepp.models.image_encoders.cell_encoder import CellEncoder
from vsepp.text.reader import WordReader
from vsepp.text.vocabulary import Vocabulary
from vsepp.training.captioning import CaptionObjective, known_words, renumbered
from vsepp.training.optimizer import get_optimizer
from vsepp.training.step import TrainingStep
from vsepp.training.task import Diverged

SMALL = dict(
    image_features="grid",
    image_grid=2,
    resize=72,
    image_size=64,
    caption_model="attention",
    cell_size=12,
    attention_size=10,
    decoder_size=16,
    word_dim=8,
    batch_size=20,
    evaluate_step=100,
    beam=2,
)
KINDS = {
    "attention": {},
    "addnorm": dict(caption_model="addnorm", cell_size=16),
    "heads": dict(caption_model="addnorm", heads=2),
}
SELF_CRITICAL = dict(self_critical=1, self_critical_samples=3)
DROPPING = dict(
    feature_dropout=0.1,
    cell_dropout=0.2,
    embedding_dropout=0.2,
    word_dropout=0.1,
    output_dropout=0.2,
    label_smoothing=0.1,
    doubly_stochastic=0.5,
    initial_state="mean",
    ema=0.8,
    schedule="cosine",
    min_learning_rate=0.0,
)


def captioner(data, out, **changes):
    return make_config(data, out, **{**SMALL, **changes})


@pytest.mark.parametrize("kind", KINDS)
def test_a_captioner_learns_what_is_said_of_images_that_it_can_tell_apart(tmp_path, kind):
    sentences = ["a red dog", "two dogs run", "a dog", "red grass", "two red birds sit", "a bird"]
    config = captioner(tmp_path, tmp_path, learning_rate=0.02, **KINDS[kind])
    vocabulary = Vocabulary.build([sentence.split() for sentence in sentences], 0)
    captions = [vocabulary.encode(sentence.split()) for sentence in sentences for _ in range(2)]
    grids = np.random.default_rng(0).standard_normal((len(sentences), 4, 8)).astype(np.float32)
    items = [(grid, captions[2 * row : 2 * row + 2], row) for row, grid in enumerate(grids)]
    batch = list(map(paddle.to_tensor, collate(items)))
    paddle.seed(0)
    decoder = DecoderParts(config, WordReader(vocabulary))
    objective = CaptionObjective(config, decoder, CellEncoder.for_training(config, 8))
    step = TrainingStep(config, objective, get_optimizer(objective.model, config))
    step.begin_epoch()

    losses = [float(step(batch, number)) for number in range(100)]

    assert losses[0] > 2 and losses[-1] < 0.05
    objective.model.eval()
    cells = cells_of(objective.model, grids)
    made = decode(objective.model.decoder.stepper(cells), len(grids), vocabulary)
    assert [vocabulary.decode(found[0].words) for found in made] == sentences


def test_a_run_says_what_it_writes_and_how_it_scores(data, tmp_path):
    run = Run(captioner(data, tmp_path, num_epochs=1))

    assert run.metrics.keys() == run.best["metrics"].keys() >= {"BLEU-4", "ROUGE-L", "CIDEr-D"}
    assert "made: " in run.log and "real: " in run.log
    assert "4 images, 20 references. Scores: corpus BLEU with brevity penalty" in run.log


def test_the_model_is_chosen_by_cider(data, tmp_path):
    run = Run(captioner(data, tmp_path, num_epochs=4, learning_rate=0.03, evaluate_step=2))

    validated = [row for row in run.last["position"]["history"] if "CIDEr-D" in row]
    best = max(row["CIDEr-D"] for row in validated)
    assert run.best["metrics"]["CIDEr-D"] == best
    assert run.best["step"] == next(row["step"] for row in validated if row["CIDEr-D"] == best)


def test_a_captioner_that_gives_nan_is_not_validated(data, tmp_path):
    trainer = vsepp.training.build_trainer(captioner(data, tmp_path))
    bias = trainer.task.model.decoder.vocabulary.bias
    bias.set_value(np.full(bias.shape, np.nan, np.float32))

    with pytest.raises(Diverged, match="gives NaN or infinity for the val split"):
        trainer.task.score("val")


@pytest.mark.parametrize(
    "kind, more",
    [*((kind, {}) for kind in KINDS), ("attention", dict(SELF_CRITICAL, self_critical=2))],
)
def test_a_run_that_is_gone_on_with_is_the_run_that_was_not_stopped(data, tmp_path, kind, more):
    changes = {**KINDS[kind], **DROPPING, **more, "num_epochs": 3, "evaluate_step": 2}
    whole = Run(captioner(data, tmp_path / "whole", **changes))
    stopped = captioner(data, tmp_path / "parts", **changes)

    def interrupted(self, batch, number):
        if number == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return take(self, batch, number)

    take = TrainingStep.__call__
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrainingStep, "__call__", interrupted)
        with pytest.raises(KeyboardInterrupt):
            vsepp.train(stopped)
    last = str(stopped.path("last_checkpoint"))
    assert load_checkpoint(last)["step"] == 3

    parts = Run(captioner(data, tmp_path / "parts", checkpoint=last, **changes))

    assert_same_run(parts.last, whole.last)
    assert parts.metrics == whole.metrics


def test_an_early_end_says_that_self_critical_epochs_are_left_out(data, tmp_path):
    still = dict(learning_rate=1e-9, early_stop=1, num_epochs=4, self_critical=1)

    run = Run(captioner(data, tmp_path, **still))

    assert "training ends, 1 of its self_critical epochs left out" in run.log


def test_photographs_and_their_backbone_are_trained_on_too(data, tmp_path):
    config = captioner(data, tmp_path, finetuned=True, batch_size=10, num_epochs=1)
    run = Run(config)
    moved = [name for name in run.best["model"] if name.startswith("image_extractor.backbone.")]
    assert moved

    begun = captioner(data, tmp_path / "before", num_epochs=1, learning_rate=1e-9, finetuned=True)
    before = Run(dataclasses.replace(begun, batch_size=10)).best["model"]
    assert any(np.abs(run.best["model"][name] - before[name]).max() > 1e-4 for name in moved)


def test_a_tuned_captioner_begins_with_a_frozen_ones_weights(data, tmp_path):
    frozen = captioner(data, tmp_path / "frozen", num_epochs=1)
    Run(frozen)
    best = str(frozen.path("best_checkpoint"))

    begun = vsepp.training.build_trainer(
        captioner(data, tmp_path / "tuned", finetuned=True, batch_size=10, init_from=best)
    )

    ours, theirs = begun.task.model, load_checkpoint(best)["model"]
    np.testing.assert_array_equal(
        ours.decoder.embedding.weight.numpy(), theirs["decoder.embedding.weight"]
    )
    np.testing.assert_array_equal(
        ours.image_extractor.fc.weight.numpy(), theirs["image_extractor.fc.weight"]
    )


@pytest.mark.parametrize(
    "changes, told",
    [
        (dict(image_features="global", image_grid=0), "set image_features=grid"),
        (dict(image_model="alexnet", image_size=224, resize=224), "gives a captioner no cells"),
        (dict(image_model="clip_vit"), "gives a captioner no cells"),
        (dict(caption_model="atention"), "the nearest is 'attention'"),
        (dict(test_flip=True), "set test_flip=false"),
        (dict(caption_model="addnorm"), "set cell_size=16"),
        (dict(caption_model="addnorm", heads=3), "set heads to a divisor"),
        (dict(word_vectors="nowhere.txt"), "nowhere.txt cannot be read"),
        (dict(batch_size=13 * 5), "set batch_size to at most 60"),
    ],
)
def test_what_does_not_fit_is_refused(data, tmp_path, changes, told):
    with pytest.raises(InputError, match=told):
        vsepp.training.build_trainer(captioner(data, tmp_path, **changes))


def test_heads_are_refused_before_anything_is_computed(data, tmp_path, monkeypatch):
    monkeypatch.setattr("vsepp.training.dataset_task.open_splits", None)
    config = captioner(data, tmp_path, caption_model="addnorm", heads=3)

    with pytest.raises(InputError, match="set heads to a divisor"):
        vsepp.training.build_trainer(config)


def test_data_that_no_captioner_can_be_trained_on(data, tmp_path, monkeypatch):
    none = Vocabulary.build([], 0)
    monkeypatch.setattr("vsepp.training.captioning.known_words", lambda dataset, most: none)
    with pytest.raises(InputError, match="the vocabulary of tiny has no words.*min-word-count 0"):
        vsepp.training.build_trainer(captioner(data, tmp_path))

    write(tmp_path / "pets_precomp")
    create(tmp_path / "pets_precomp", tmp_path)
    with pytest.raises(InputError, match="caption_model: pets came with its features.*photographs"):
        vsepp.training.build_trainer(captioner(tmp_path, tmp_path, dataset="pets"))


def test_a_run_does_not_go_on_with_a_checkpoint_of_another_decoder(data, tmp_path):
    config = captioner(data, tmp_path, num_epochs=1)
    Run(config)
    last = str(config.path("last_checkpoint"))

    with pytest.raises(InputError, match="was trained with decoder_size = 16, now it is 20"):
        vsepp.train(captioner(data, tmp_path, checkpoint=last, decoder_size=20))


def test_a_captioner_does_not_begin_with_a_retrieval_model_nor_the_reverse(data, tmp_path):
    retrieval = make_config(data, tmp_path / "retrieval", num_epochs=1, evaluate_step=100)
    Run(retrieval)
    config = captioner(data, tmp_path, num_epochs=1)
    Run(config)

    for key in ("init_from", "checkpoint"):
        theirs = {key: str(retrieval.path("last_checkpoint"))}
        told = "is a retrieval model, and this run trains a captioner"
        with pytest.raises(InputError, match=told):
            vsepp.training.build_trainer(captioner(data, tmp_path, **theirs))
        theirs = {key: str(config.path("last_checkpoint"))}
        told = "is a captioner, and this run trains a retrieval model"
        with pytest.raises(InputError, match=told):
            vsepp.training.build_trainer(make_config(data, tmp_path / "other", **theirs))


def test_words_that_another_captioner_knows_are_carried_over(data, tmp_path):
    config = captioner(data, tmp_path, num_epochs=1)
    Run(config)
    best = load_checkpoint(config.path("best_checkpoint"))
    given = str(config.path("best_checkpoint"))

    trainer = vsepp.training.build_trainer(
        captioner(data, tmp_path / "fewer", max_words=6, init_from=given)
    )

    model, ours = trainer.task.model, trainer.task.reader.vocabulary
    places = [best["vocab"][word] for word in ours.words]
    for name, axis in (("embedding.weight", 0), ("vocabulary.weight", 1), ("vocabulary.bias", 0)):
        layer, kind = name.split(".")
        found = getattr(getattr(model.decoder, layer), kind).numpy()
        expected = np.take(best["model"][f"decoder.{name}"], places, axis)
        np.testing.assert_array_equal(found, expected)


def test_keys_of_retrieval_are_said_to_do_nothing(data, tmp_path):
    trainer = vsepp.training.build_trainer(captioner(data, tmp_path, margin=0.3, heads=2))

    assert any("margin=0.3 has no effect" in line for line in trainer.task.said)
    assert any("heads=2 has no effect" in line for line in trainer.task.said)


def test_the_commonest_words_are_kept_and_the_others_unknown(data, tmp_path):
    task = vsepp.training.build_trainer(captioner(data, tmp_path, max_words=6)).task
    train, known = task.data.splits["train"], task.reader.vocabulary

    assert len(known) == 6 + 4
    counted = {}
    everything = vsepp.training.build_trainer(captioner(data, tmp_path / "all")).task
    whole = everything.data.splits["train"]
    for caption in whole.captions:
        for index in caption:
            word = whole.vocabulary.words[index]
            counted[word] = counted.get(word, 0) + 1
    kept = {word for word in known.words if not word.startswith("<")}
    dropped = {word for word in whole.vocabulary.words if not word.startswith("<")} - kept
    assert min(counted[word] for word in kept) >= max(counted[word] for word in dropped)
    unknown = sum(caption.count(known.word_to_index["<unk>"]) for caption in train.captions)
    assert unknown == sum(counted[word] for word in dropped)
    assert known_words(whole, 0) is whole.vocabulary
    assert renumbered(whole.captions, whole.vocabulary, whole.vocabulary) == whole.captions


def test_two_seeds_are_summarised(data, tmp_path):
    from vsepp.cli.train_seeds import train_all

    train_all(captioner(data, tmp_path, num_epochs=1), [1, 2])

    result = (tmp_path / "best_tiny.tiny_test_seeds.json").read_text(encoding="utf-8")
    assert '"test CIDEr-D"' in result and '"std"' in result
