"""Decoders by name, and what they refuse."""

import numpy as np
import paddle
import pytest
from captioners import KINDS, VOCABULARY, make_captioner, make_captions, make_decoder, make_features

from vsepp.models.caption_decoders.addnorm import AddNormDecoder
from vsepp.models.caption_decoders.attention import AttentionDecoder
from vsepp.models.caption_decoders.word_decoder import targets_of
from vsepp.models.decoders import CAPTION_DECODERS, find_caption_decoder
from vsepp.models.text_encoders.text_dropout import TextDropout
from vsepp.system.errors import InputError


def test_every_name_has_its_class():
    assert find_caption_decoder("attention") is AttentionDecoder
    assert find_caption_decoder("addnorm") is AddNormDecoder
    for name in CAPTION_DECODERS:
        decoder = find_caption_decoder(name)(VOCABULARY)
        assert decoder.embedding.weight.shape[0] == decoder.vocabulary.weight.shape[1] == VOCABULARY


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(InputError, match="the nearest is 'attention'"):
        find_caption_decoder("atention")


@pytest.mark.parametrize(
    ("sizes", "key"),
    [
        (dict(cell_size=4, decoder_size=8), "cell_size=8"),
        (dict(cell_size=8, decoder_size=8, heads=3), "heads"),
        (dict(initial_state="one"), "initial_state"),
    ],
)
def test_sizes_that_do_not_fit(sizes, key):
    with pytest.raises(InputError, match=key):
        AddNormDecoder(VOCABULARY, **sizes)


@pytest.mark.parametrize(
    ("rows", "lengths", "images", "said"),
    [
        ([[2, 5, 3]], [1], [0], "fewer than two"),
        ([[2, 5, 3]], [4], [0], "cap_lens"),
        ([[2, VOCABULARY, 3]], [3], [0], "vocabulary"),
        ([[2, 5, 3]], [3], [3], "images"),
        ([[2, 5, 3]], [3], [-1], "images"),
        ([[2, 5, 3]], [3], [0, 1], "images"),
    ],
)
@pytest.mark.parametrize("kind", ["attention", "addnorm"])
def test_a_batch_that_is_none(kind, rows, lengths, images, said):
    captioner = make_captioner(kind)
    batch = (paddle.to_tensor(np.array(values, np.int64)) for values in (rows, lengths, images))
    with pytest.raises(InputError, match=said):
        captioner(make_features(), *batch)


def test_targets_are_all_words_but_the_first():
    captions = np.array([[2, 7, 8, 3], [2, 3, 0, 0], [2, 9, 3, 0]])
    np.testing.assert_array_equal(targets_of(captions, np.array([4, 2, 3])), [7, 8, 3, 3, 9, 3])


@pytest.mark.parametrize("kind", KINDS)
def test_padding_makes_no_difference(kind):
    decoder = make_decoder(kind)
    captions, lengths = make_captions([4, 3])
    cells = paddle.randn([1, 6, decoder.cell_size])
    images = paddle.to_tensor([0, 0])
    wide = paddle.concat([captions, paddle.full([2, 3], 5, "int64")], axis=1)
    for one, other in zip(
        decoder(cells, captions, lengths, images), decoder(cells, wide, lengths, images)
    ):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


@pytest.mark.parametrize("kind", ["attention", "addnorm"])
def test_training_leaves_out_what_the_seed_says_and_use_nothing(kind):
    dropout = TextDropout(0.5, 0.5, 0.5, unknown=1, marks=(0, 2, 3))
    captioner = make_captioner(kind, dropout, feature_dropout=0.5, cell_dropout=0.5)
    captions, lengths = make_captions([6, 5])
    inputs = make_features(), captions, lengths, paddle.to_tensor([0, 1])

    def logits(seed):
        paddle.seed(seed)
        return captioner(*inputs)[0].numpy()

    captioner.train()
    np.testing.assert_array_equal(logits(1), logits(1))
    assert np.abs(logits(1) - logits(2)).max() > 0.1
    paddle.seed(1)
    looked = captioner(*inputs)[1].numpy()
    assert (looked < 1e-20).any(axis=1).all()  # cells that are left out
    captioner.eval()
    np.testing.assert_array_equal(logits(1), logits(2))
