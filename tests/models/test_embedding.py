"""Unit length, also where there is no length."""

import numpy as np
import paddle

from vsepp.models.embedding import l2_normalize


def test_rows_become_unit_vectors_of_the_same_direction():
    rows = np.array([[3.0, 4.0], [-0.001, 0.0], [1e4, -1e4]], np.float32)

    found = l2_normalize(paddle.to_tensor(rows)).numpy()

    np.testing.assert_allclose(found, [[0.6, 0.8], [-1, 0], [0.5**0.5, -(0.5**0.5)]], rtol=1e-6)


def test_a_zero_row_stays_zero_with_a_small_gradient():
    rows = paddle.to_tensor(np.array([[0.0, 0.0], [3.0, 4.0]], np.float32), stop_gradient=False)

    codes = l2_normalize(rows)
    codes[:, 0].sum().backward()

    np.testing.assert_allclose(codes.numpy(), [[0, 0], [0.6, 0.8]], rtol=1e-6)
    gradient = rows.grad.numpy()
    assert np.isfinite(gradient).all() and np.abs(gradient).max() <= 1
    # of x / √(x² + y²): y² / r³ and −x y / r³
    np.testing.assert_allclose(gradient[1], [16 / 125, -12 / 125], rtol=1e-5)
