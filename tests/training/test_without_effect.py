"""What a key cannot do in a run is said; what is only its default is not."""

import dataclasses

import pytest
from tiny import make_config

from vsepp import InputError
from vsepp.config import Config, load_config
from vsepp.config.files import RECIPES
from vsepp.models.losses import check_loss
from vsepp.training.loop import Trainer
from vsepp.training.without_effect import keys_without_effect


def said(**values):
    return keys_without_effect(dataclasses.replace(Config(), **values))


@pytest.mark.parametrize(
    "values, key",
    [
        (dict(pretrained_lr=0.5), "pretrained_lr=0.5"),
        (dict(image_model="clip_vit", pixels="symmetric"), "pixels=symmetric"),
        (dict(finetuned=False, recompute=True), "recompute=True"),
        (dict(text_model="bert", num_layers=2), "num_layers=2"),
        (dict(text_model="bert", word_dim=8), "word_dim=8"),
        (dict(npair_weight=2.0), "npair_weight=2.0"),
        (dict(loss="npair", margin=0.5), "margin=0.5"),
        (dict(loss="soft", hard_negative_warmup=1), "hard_negative_warmup=1"),
        (dict(hard_negative=False, hard_negative_warmup=1), "hard_negative_warmup=1"),
        (dict(hard_negative_warmup_loss="npair"), "hard_negative_warmup_loss=npair"),
        (dict(schedule="cosine", lr_update=5), "lr_update=5"),
        (dict(schedule="cosine", min_learning_rate=1.0), "schedule=cosine"),
    ],
)
def test_a_key_without_effect_is_named(values, key):
    (line,) = said(**values)

    assert line.startswith(f"{key} has no effect: ")


def test_what_only_cross_entropy_has_is_nothing_where_all_epochs_are_self_critical():
    given = dict(caption_model="attention", self_critical=2, label_smoothing=0.1)
    (line,) = said(**given, num_epochs=2)

    assert line.startswith("label_smoothing=0.1 has no effect: all epochs are self_critical")
    assert said(**given, num_epochs=3) == []


def test_a_warm_up_of_the_whole_run_is_said():
    (line,) = said(hard_negative_warmup=2, num_epochs=2)

    assert line == "hard_negative does not set in: hard_negative_warmup=2 and num_epochs=2"
    assert said(hard_negative_warmup=2, num_epochs=3) == []


@pytest.mark.parametrize("name", [None, "coco", "flickr8k", "sample", *(f"x_{r}" for r in RECIPES)])
def test_our_own_configurations_have_no_such_keys(name):
    if name == "x_clip":  # whose text encoder is that of a checkpoint
        pytest.skip("its text_model comes from the checkpoint that it begins with")
    assert keys_without_effect(load_config(name)) == []


def test_both_losses_with_weights_of_nothing_are_refused():
    with pytest.raises(InputError, match="triplet_weight and npair_weight are both 0"):
        check_loss(dataclasses.replace(Config(), loss="both", triplet_weight=0.0, npair_weight=0.0))


def test_a_decay_of_adam_is_refused_before_anything_is_computed(tmp_path):
    def task(*arguments, **options):
        pytest.fail("features would be computed")

    with pytest.raises(InputError, match="weight_decay is of AdamW"):
        Trainer(make_config("data", tmp_path, weight_decay=0.1), task)
