"""A text encoder that takes no words of ``vocab.json`` and an image encoder that sees otherwise."""

from collections import Counter

import numpy as np
import paddle
import pytest
from tiny import CAPTIONS, TRAIN, make_config, make_data

from vsepp import load, load_checkpoint, train
from vsepp.data.images import open_image
from vsepp.data.preprocessing import Preprocessing
from vsepp.data.transforms import RandomCrop
from vsepp.models import encoders
from vsepp.models.encoders import IMAGE_ENCODERS, TEXT_ENCODERS, TextEncoder
from vsepp.models.image_encoders.cnn import CNNEncoder
from vsepp.models.shapes import check_shapes
from vsepp.training.data import open_splits
from vsepp.training.retrieval import RetrievalTask

LETTERS = "abcdefghijklmnopqrstuvwxyz "


class LetterReader:
    """Sentences as their letters."""

    def indices(self, sentences):
        return [[LETTERS.find(letter) + 1 for letter in text.lower()] for text in sentences]

    def reads(self, dataset):
        return False

    def read_anew(self, sentences):
        return self.indices(sentences), 0.0

    def decode(self, indices):
        return "".join(LETTERS[index - 1] for index in indices)

    def is_of(self, contents):
        return contents.get("letters") == LETTERS

    def contents(self):
        return {"letters": LETTERS}


class LetterEncoder(TextEncoder):
    @classmethod
    def for_training(cls, config, data):
        return cls(config, LetterReader())

    @classmethod
    def from_checkpoint(cls, config, contents, source):
        return cls(config, LetterReader())

    def build(self):
        return MeanLetter(self.config.embed_size)

    def check_state(self, state, source):
        check_shapes(state, {"letters.weight": (len(LETTERS) + 1, self.config.embed_size)}, source)


class MeanLetter(paddle.nn.Layer):
    def __init__(self, size):
        super().__init__()
        self.letters = paddle.nn.Embedding(len(LETTERS) + 1, size, padding_idx=0)

    def forward(self, captions, lengths):
        return paddle.nn.functional.normalize(self.letters(captions).sum(1))


class SofterEncoder(CNNEncoder):
    """Another resizing, and pixels of another scale."""

    @property
    def preprocessing(self):
        half = (0.5, 0.5, 0.5)
        return Preprocessing(self.config.resize, self.config.image_size, "bicubic", half, half)


@pytest.fixture
def named(monkeypatch):
    """Take a name of one of the registries for a class of this file."""
    found = encoders.at_place

    def name(registry, key, kind):
        monkeypatch.setitem(registry, key, kind)

    monkeypatch.setattr(
        encoders, "at_place", lambda place: found(place) if isinstance(place, str) else place
    )
    return name


def test_a_training_reads_its_captions_as_its_text_encoder_does(named, tmp_path):
    named(TEXT_ENCODERS, "gru", LetterEncoder)
    config = make_config(make_data(tmp_path, restval=2), tmp_path, num_epochs=1, use_restval=True)

    task = RetrievalTask(config)
    sentences = task.data.splits["train"].sentences()
    seen = Counter()
    for _, captions, lengths, _ in task.batches(0, skip=0):
        for caption, length in zip(captions.numpy(), lengths.numpy()):
            seen[LetterReader().decode(caption[: int(length)])] += 1

    assert len(sentences) == (TRAIN + 2) * CAPTIONS
    assert sum(seen.values()) == len(sentences) // config.batch_size * config.batch_size
    assert not seen - Counter(sentence.lower() for sentence in sentences)


def test_it_is_trained_saved_and_used_without_a_word_list(named, tmp_path):
    named(TEXT_ENCODERS, "gru", LetterEncoder)
    config = make_config(make_data(tmp_path), tmp_path, num_epochs=1)

    metrics = train(config)

    best = config.path("best_checkpoint")
    assert metrics["rsum"] > 0 and "vocab" not in load_checkpoint(best)
    assert load(best).encode_text(["a red square"]).shape == (1, 16)


@pytest.mark.parametrize("stored", [False, True])
def test_training_sees_photographs_as_their_encoder_says(named, tmp_path, stored):
    named(IMAGE_ENCODERS, "shufflenet_v2_x0_25", SofterEncoder)
    data_dir = make_data(tmp_path)
    sizes = dict(resize=40, image_size=32, finetuned=True, image_store=stored)
    config = make_config(data_dir, tmp_path, **sizes)

    train_split = open_splits(config, ("train", "val"), log=lambda line: None).splits["train"]

    expected = RandomCrop(40, 32, False, "bicubic")
    usual = RandomCrop(40, 32, False)
    picture = open_image(train_split.image_path(0))
    assert np.array_equal(
        train_split.image(0), expected(picture, np.random.default_rng((config.seed, 0, 0)))
    )
    assert not np.array_equal(
        train_split.image(0), usual(picture, np.random.default_rng((config.seed, 0, 0)))
    )
