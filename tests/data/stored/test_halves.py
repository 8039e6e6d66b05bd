"""float16 as float32: the short way gives what NumPy gives."""

import numpy as np

from vsepp.data.stored.halves import stack_float32


def test_every_number_of_two_bytes_is_what_numpy_says_it_is():
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16).reshape(2, 128, 256)

    found = stack_float32([halves, halves[::-1], halves[:, ::-1]])  # not all in one piece

    expected = np.stack([halves, halves[::-1], halves[:, ::-1]]).astype(np.float32)
    assert found.dtype == np.float32 and np.array_equal(found, expected, equal_nan=True)


def test_other_numbers_stay_as_they_are():
    rows = [np.arange(3, dtype=kind) for kind in (np.float32, np.float32)]

    assert stack_float32(rows).dtype == np.float32
    assert stack_float32([np.zeros((2, 2), np.uint8)]).dtype == np.uint8
