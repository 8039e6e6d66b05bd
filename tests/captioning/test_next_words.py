import numpy as np
import pytest

from vsepp.captioning.next_words import repeating, top_k_of_rows


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_repeating_finds_each_word_that_completes_a_sequence_again(n):
    generator = np.random.default_rng(n)
    for length in range(9):
        words = generator.integers(0, 3, (30, length))

        found = set(zip(*(part.tolist() for part in repeating(words, n))))

        expected = set()
        for row, said in enumerate(words.tolist()):
            grams = {tuple(said[i : i + n]) for i in range(length - n + 1)}
            for word in range(3):
                longer = (*said, word)
                if len(longer) >= n and tuple(longer[-n:]) in grams:
                    expected.add((row, word))
        assert found == expected


@pytest.mark.parametrize("k", [1, 3, 7, 8, 20])
@pytest.mark.parametrize("levels", [2, 5, 10_000])
def test_the_highest_of_each_row_the_earlier_of_equals_first(k, levels):
    generator = np.random.default_rng(k)
    values = generator.integers(0, levels, (40, 8)).astype(np.float32)
    values[generator.random(values.shape) < 0.2] = -np.inf

    expected = np.argsort(-values, axis=1, kind="stable")[:, :k]

    assert np.array_equal(top_k_of_rows(values, k), expected)
