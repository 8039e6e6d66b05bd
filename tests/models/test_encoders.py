"""Encoders are found by name, and say themselves what a checkpoint holds of them."""

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import paddle
import pytest

from vsepp import Config, InputError, load
from vsepp.checkpoint import load_checkpoint, save_checkpoint
from vsepp.convert.clip import convert_clip
from vsepp.models import encoders
from vsepp.models.backbones import BACKBONES
from vsepp.models.encoders import (
    IMAGE_ENCODERS,
    TEXT_ENCODERS,
    TextEncoder,
    encoders_for_training,
    find_image_encoder,
    find_text_encoder,
)
from vsepp.models.shapes import check_shapes
from vsepp.models.state import get_state
from vsepp.models.vsepp import build_model
from vsepp.text.vocabulary import Vocabulary

TOWERS = Path(__file__).parents[1] / "golden" / "towers"
CONFIG = dataclasses.replace(Config(), pretrained=False, word_dim=4, embed_size=6)
DATA = SimpleNamespace(vocabulary=Vocabulary.build([["a", "red", "dog"]], 0), tokenizer="treebank")


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    """What is given as ``text_weights``: a folder, and checkpoints of CLIPs."""
    place = tmp_path_factory.mktemp("pretrained")
    for kind in ("clip", "chinese_clip"):
        convert_clip(TOWERS / f"tiny_{kind}", None, place / kind)
    return {"bert": TOWERS / "tiny_bert", "clip": place / "clip", "chinese_clip": place / kind}


@pytest.mark.parametrize("name", TEXT_ENCODERS)
def test_a_text_encoder_comes_back_from_what_a_checkpoint_holds_of_it(name, pretrained):
    weights = str(pretrained[name]) if name in pretrained else None
    config = dataclasses.replace(CONFIG, text_model=name, text_weights=weights)
    encoder = find_text_encoder(name).for_training(config, DATA)

    again = find_text_encoder(name).from_checkpoint(config, encoder.contents(), "a.ckpt")

    sentence = "A red dog isn't red."
    assert again.contents() == encoder.contents()
    assert again.reader.indices([sentence]) == encoder.reader.indices([sentence])
    assert {key: value.shape for key, value in get_state(again.build()).items()} == {
        key: value.shape for key, value in get_state(encoder.build()).items()
    }


def test_every_image_encoder_says_what_is_done_to_a_photograph():
    assert not IMAGE_ENCODERS.keys() - BACKBONES.keys() - {"clip_vit", "clip_resnet"}
    for name in BACKBONES:
        config = dataclasses.replace(CONFIG, image_model=name, resize=300, image_size=230)
        steps = find_image_encoder(name).for_training(config).preprocessing
        assert (steps.resize, steps.image_size, steps.interpolation) == (300, 230, "bilinear")
        assert len(steps.mean) == len(steps.std) == 3


@pytest.mark.parametrize(
    "find, name, message",
    [
        (find_text_encoder, "gur", "text_model: there is no text encoder 'gur'; the nearest is 'g"),
        (find_text_encoder, None, "text_model: there is no text encoder None"),
        (find_image_encoder, "resnet51", "image_model.*resnet51.*did you mean resnet50"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(find, name, message):
    with pytest.raises(InputError, match=message):
        find(name)


class LengthReader:
    """Sentences as one number each: how many letters they have. There is no word list."""

    vocabulary = None

    def indices(self, sentences):
        return [[len(sentence)] for sentence in sentences]

    def contents(self):
        return {"letters": True}


class LengthEncoder(TextEncoder):
    """A code that counts letters."""

    @classmethod
    def for_training(cls, config, data):
        return cls(config, LengthReader())

    @classmethod
    def from_checkpoint(cls, config, contents, source):
        assert contents["letters"] is True
        return cls(config, LengthReader())

    def build(self):
        class Counting(paddle.nn.Layer):
            def __init__(self, size):
                super().__init__()
                self.scale = self.create_parameter([size])

            def forward(self, captions, lengths):
                return captions[:, :1].astype("float32") * self.scale

        return Counting(self.config.embed_size)

    def check_state(self, state, source):
        check_shapes(state, {"scale": (self.config.embed_size,)}, source)


def test_another_text_encoder_needs_its_class_and_one_line(tmp_path, monkeypatch):
    """It is trained, saved without a word list, loaded and asked as any other."""
    monkeypatch.setitem(TEXT_ENCODERS, "letters", f"{__name__}:LengthEncoder")
    monkeypatch.setattr(
        encoders,
        "at_place",
        lambda place, _at_place=encoders.at_place: (
            LengthEncoder if place.endswith(":LengthEncoder") else _at_place(place)
        ),
    )
    config = dataclasses.replace(CONFIG, text_model="letters")
    text, image = encoders_for_training(config, DATA, 5)
    model = build_model(text, image)
    contents = {"vocab": None, **text.contents()}
    path = tmp_path / "letters.ckpt"
    save_checkpoint(path, get_state(model), config.to_dict(), epoch=1, step=1, **contents)

    loaded = load(path)

    assert "vocab" not in load_checkpoint(path)
    scale = model.text_extractor.scale.numpy()
    np.testing.assert_allclose(loaded.encode_text(["abc", "abcdef"]), [3 * scale, 6 * scale])
    assert loaded.encode_features(np.zeros((1, 5))).shape == (1, 6)


def test_a_checkpoint_without_the_words_that_its_encoder_needs_is_refused(tmp_path):
    path = tmp_path / "no_words.ckpt"
    save_checkpoint(path, {"w": np.zeros(1)}, CONFIG.to_dict(), None, 1, 1)

    with pytest.raises(InputError, match="no_words.ckpt lacks 'vocab'"):
        load(path)
