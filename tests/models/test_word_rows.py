"""Rows of an embedding follow their words from one vocabulary to another."""

import numpy as np

from vsepp.models.word_rows import CarriedWords, carry_rows
from vsepp.text.vocabulary import Vocabulary


def slow_rows(rows, fresh, theirs, ours):
    return np.stack(
        [
            rows[theirs.word_to_index[word]] if word in theirs else fresh[index]
            for index, word in enumerate(ours.words)
        ]
    )


def test_rows_are_those_of_a_loop():
    theirs = Vocabulary.build([["a", "red", "dog", "runs"]], 0)
    ours = Vocabulary.build([["zorbel", "dog", "a", "blick"]], 0)
    generator = np.random.default_rng(0)
    rows, fresh = generator.random((len(theirs), 3)), generator.random((len(ours), 3))

    found = carry_rows(rows, fresh, theirs, ours)

    np.testing.assert_array_equal(found, slow_rows(rows, fresh, theirs, ours))
    for word in ("<pad>", "<unk>", "<start>", "<end>", "dog"):
        np.testing.assert_array_equal(
            found[ours.word_to_index[word]], rows[theirs.word_to_index[word]]
        )
    assert CarriedWords.between(theirs, ours) == (2, 2, 2)


def test_a_grown_vocabulary_keeps_every_row_where_it_was():
    theirs = Vocabulary.build([["a", "red", "dog"]], 0)
    ours = theirs.grown([["a", "zorbel"]], 0)
    rows, fresh = np.ones((len(theirs), 2)), np.zeros((len(ours), 2))

    found = carry_rows(rows, fresh, theirs, ours)

    np.testing.assert_array_equal(found, [[1, 1]] * len(theirs) + [[0, 0]])
    assert CarriedWords.between(theirs, ours) == (3, 1, 0)
