"""The text encoder: what it computes, how it begins, what it refuses."""

import numpy as np
import paddle
import pytest

from vsepp import InputError, TextRepExtractor
from vsepp.models.twins import packed_gru


def captions(*lengths, columns=None, vocabulary=20):
    """(captions, lengths) as tensors; the padding is 0."""
    grid = np.zeros((len(lengths), columns or max(lengths)), np.int64)
    generator = np.random.default_rng(0)
    for row, length in enumerate(lengths):
        grid[row, :length] = generator.integers(1, vocabulary, length)
    return paddle.to_tensor(grid), paddle.to_tensor(np.array(lengths, np.int64))


def make(layers=1, **options):
    paddle.seed(0)
    return TextRepExtractor(20, 6, 8, layers, **options)


@pytest.mark.parametrize("layers", [1, 2])
def test_a_code_is_the_normalised_state_at_the_last_true_word(layers):
    encoder = make(layers)
    grid, lengths = captions(3, 7, 1, 5, columns=12)

    codes = encoder(grid, lengths).numpy()

    for row, length in enumerate(lengths.numpy()):
        _, states = encoder.gru(encoder.embedding(grid[row : row + 1, : int(length)]))
        state = states[-1].numpy()[0]
        np.testing.assert_allclose(codes[row], state / np.linalg.norm(state), atol=1e-5)


def test_padding_and_neighbours_do_not_matter():
    encoder = make()
    grid, lengths = captions(3, 6, columns=9)
    noisy = grid.numpy().copy()
    noisy[0, 3:] = 7

    codes = encoder(grid, lengths).numpy()

    np.testing.assert_array_equal(encoder(paddle.to_tensor(noisy), lengths).numpy(), codes)
    np.testing.assert_allclose(encoder(grid[:1], lengths[:1]).numpy(), codes[:1], atol=1e-6)


def test_codes_are_of_unit_length():
    codes = make()(*captions(2, 4, 4, 1)).numpy()

    assert codes.shape == (4, 8) and codes.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(codes, axis=1), 1, atol=1e-6)
    assert (codes < 0).any()


def test_use_abs_leaves_no_sign():
    grid = captions(2, 4)

    np.testing.assert_array_equal(make(use_abs=True)(*grid).numpy(), np.abs(make()(*grid).numpy()))


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_lengths_may_be_a_column_of_either_integer(dtype):
    encoder = make()
    grid, lengths = captions(2, 5)

    found = encoder(grid, lengths.astype(dtype).reshape([-1, 1])).numpy()

    np.testing.assert_array_equal(found, encoder(grid, lengths).numpy())


@pytest.mark.parametrize("length, columns", [(0, 5), (-1, 5), (6, 5)])
def test_a_length_outside_the_captions_is_refused_before_anything_runs(
    length, columns, monkeypatch
):
    encoder = make()
    for name in ("embedding", "gru"):
        monkeypatch.setattr(getattr(encoder, name), "forward", lambda *_: pytest.fail("it ran"))
    monkeypatch.setattr(packed_gru, "packed_gru", lambda *_: pytest.fail("it ran"))
    grid, _ = captions(3, 2, columns=columns)

    with pytest.raises(InputError, match=f"cap_lens.* {length}, outside 1 to the {columns}"):
        encoder(grid, paddle.to_tensor(np.array([3, length])))


def test_the_embedding_begins_uniform_within_a_tenth():
    paddle.seed(3)
    weights = TextRepExtractor(2000, 10, 8, 1).embedding.weight.numpy()

    assert np.abs(weights).max() <= 0.1
    assert np.abs(weights).max() > 0.099
    assert abs(weights.mean()) < 0.002
    assert abs(weights.std() - 0.2 / np.sqrt(12)) < 0.002  # of U(−0.1, 0.1)


@pytest.mark.parametrize("layers", [1, 2])
def test_the_parameters_keep_the_names_of_nn_gru(layers):
    names = set(make(layers).state_dict())

    expected = {"embedding.weight"}
    for layer in range(layers):
        expected |= {
            f"gru.{kind}_l{layer}" for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        }
    # Paddle names each weight twice, once through the cell of its layer.
    assert expected <= names
    assert all(name in expected or ".cell." in name for name in names)


def test_gradients_reach_the_words_that_occur_and_no_others():
    encoder = make()
    grid, lengths = captions(3, 2, columns=6)

    encoder(grid, lengths)[:, 0].sum().backward()

    gradient = encoder.embedding.weight.grad.numpy()
    words = {
        int(word) for row, length in zip(grid.numpy(), lengths.numpy()) for word in row[:length]
    }
    assert {int(row) for row in np.nonzero(np.abs(gradient).sum(1))[0]} == words


GRID = np.array([[4, 1, 5], [4, 2, 5]])


@pytest.mark.parametrize(
    ("captions", "lengths", "message"),
    [
        (GRID, [4, 2], "length is 4"),
        (GRID, [0, 2], "length is 0"),
        (GRID, [-1, 2], "length is -1"),
        (GRID, [3], r"cap_lens must be int64 \[2\]"),
        (GRID, [3, 2, 1], r"cap_lens must be int64 \[2\]"),
        (GRID, [3.0, 2.0], "cap_lens must be int64"),
        (GRID, [True, True], "cap_lens must be int64"),
        (GRID.astype("float32"), [3, 2], "captions must be int64"),
        (GRID[0], [1, 1, 1], "captions must be int64"),
        (GRID[None], [1], "captions must be int64"),
        (GRID[:0], np.zeros(0, int), "at least one row"),
        (GRID[:, :0], [1, 1], "outside 1 to the 0 columns"),
        ([[4, 6, 5], [4, 2, 5]], [3, 2], "the index 6 is outside the vocabulary's 0 to 5"),
        ([[-1, 1, 5], [4, 2, 5]], [3, 2], "the index -1 is outside"),  # read without a word
        ([[4, 2**40, 5], [4, 2, 5]], [3, 2], "is outside"),
    ],
)
def test_what_would_read_outside_the_memory_is_refused(captions, lengths, message):
    encoder = TextRepExtractor(6, 4, 8, 1)

    with pytest.raises(InputError, match=message):
        encoder(paddle.to_tensor(captions), paddle.to_tensor(lengths))
