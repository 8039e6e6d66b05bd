"""The encoders that read words: what a configuration makes of them, and what it cannot."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import paddle
import pytest

from vsepp import Config, InputError, TextRepExtractor
from vsepp.models.encoders import find_text_encoder
from vsepp.models.pooling import GPO
from vsepp.models.state import get_state
from vsepp.text.vocabulary import Vocabulary

DATA = SimpleNamespace(vocabulary=Vocabulary.build([["a", "red", "dog"]], 0), tokenizer="words")
CONFIG = dataclasses.replace(Config(), word_dim=4, embed_size=6)
MODELS = pytest.mark.parametrize("name", ["gru", "bigru"])


def encoder(name="gru", **changes):
    config = dataclasses.replace(CONFIG, text_model=name, **changes)
    kind = find_text_encoder(name)
    kind.check_config(config)
    return kind.for_training(config, DATA)


@pytest.fixture
def vectors(tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text("dog 1 2 3\nred 4 5 6\nhouse 7 8 9\n")
    return str(path)


@pytest.mark.parametrize("pooling", ["auto", "last"])
def test_the_default_is_the_layer_of_vsepp(pooling):
    assert type(encoder(text_pooling=pooling).build()) is TextRepExtractor


def test_what_a_configuration_asks_for_is_built():
    layer = encoder(
        "bigru", text_pooling="gpo", word_dropout=0.1, embedding_dropout=0.2, output_dropout=0.3
    ).build()

    assert layer.both_ways and isinstance(layer.pooling, GPO)
    number = DATA.vocabulary.word_to_index
    assert layer.dropout == (
        0.1, 0.2, 0.3, number["<unk>"], (0, number["<start>"], number["<end>"])
    )  # fmt: skip
    assert encoder("bigru").build().pooling is None
    assert not encoder("gru", text_pooling="max").build().both_ways


@MODELS
@pytest.mark.parametrize(
    "changes, message",
    [
        ({"text_pooling": "first"}, "text_pooling: first is not for .*: set .* last, mean, max"),
        ({"text_weights": "bert"}, "text_weights is for a pretrained .*set text_model=bert"),
        ({"text_frozen": True}, "text_frozen is for .*leave text_frozen out"),
        ({"word_vectors": "nowhere.txt"}, "word_vectors: nowhere.txt cannot be read"),
    ],
)
def test_what_a_gru_does_not_have_is_refused(name, changes, message):
    with pytest.raises(InputError, match=message):
        encoder(name, **changes)


@MODELS
def test_words_begin_with_their_vectors_and_the_rest_at_random(name, vectors):
    paddle.seed(0)
    plain = get_state(encoder(name).build_for_training())
    paddle.seed(0)
    given = encoder(name, word_vectors=vectors)

    state = get_state(given.build_for_training())

    number = DATA.vocabulary.word_to_index
    expected = plain["embedding.weight"].copy()
    expected[number["dog"], :3], expected[number["red"], :3] = [1, 2, 3], [4, 5, 6]
    np.testing.assert_array_equal(state.pop("embedding.weight"), expected)
    assert all(np.array_equal(value, plain[key]) for key, value in state.items())
    assert given.said == [
        f"word_vectors: of the 3 words, 2 begin with their vector of {vectors} (3 of 4 numbers) "
        "and 1 are missing there (a)"
    ]


def test_weights_that_are_set_afterwards_need_no_vectors(tmp_path):
    config = dataclasses.replace(CONFIG, word_vectors=str(tmp_path / "gone"))
    kind = find_text_encoder("gru")
    kind.check_config(config, with_weights=False)
    given = kind.for_training(config, DATA)

    given.build_for_training(with_weights=False)

    assert given.said == []


@pytest.mark.parametrize("layers", [1, 2])
def test_both_directions_are_looked_at_before_the_network_is_built(layers):
    given = encoder("bigru", num_layers=layers)
    state = get_state(given.build())
    given.check_state(state, "a.ckpt")

    state[f"gru.weight_hh_l{layers - 1}_reverse"] = np.zeros((3, 1), np.float32)
    with pytest.raises(InputError, match=f"a.ckpt: gru.weight_hh_l{layers - 1}_reverse has the"):
        given.check_state(state, "a.ckpt")
