"""Batches, weights and their comparison for encoders."""

import numpy as np
import pytest

from benchmarks import encoder_data


def test_codes_come_in_the_given_order():
    chosen = encoder_data.sentences(11, 50, 13, 30)

    codes = encoder_data.encoded(chosen, 4, lambda grid, lengths: grid.sum(1, keepdims=True))

    assert codes[:, 0].tolist() == list(map(sum, chosen))
    assert max(map(len, chosen)) == 30 and min(map(len, chosen)) >= 5


def test_weights_follow_from_their_names():
    first = encoder_data.parameter("fc.weight", (3, 4))

    np.testing.assert_array_equal(first, encoder_data.parameter("fc.weight", (3, 4)))
    assert (first != encoder_data.parameter("up.weight", (3, 4))).any()
    assert encoder_data.parameter("norm.weight", (100,)).mean() == pytest.approx(1, abs=0.02)


def test_differences_are_relative_to_a_gradient_that_counts(tmp_path):
    values = dict(loss=2.0, large=np.full(4, 10.0), none=np.full(2, 1e-9))
    np.savez(tmp_path / "a.npz", **values)
    np.savez(tmp_path / "b.npz", **{**values, "large": np.full(4, 10.1), "none": np.zeros(2)})
    np.savez(tmp_path / "c.npz", loss=2.0)

    found = encoder_data.difference(tmp_path / "b.npz", tmp_path / "a.npz")

    assert found == pytest.approx(0.01)
    with pytest.raises(RuntimeError, match="other parameters"):
        encoder_data.difference(tmp_path / "a.npz", tmp_path / "c.npz")
