"""Rows of a file: what was read does not stay in the process's memory."""

import os
from pathlib import Path

import numpy as np
import pytest

from vsepp.data.stored.features import first_not_finite
from vsepp.data.stored.file_rows import FileRows
from vsepp.system.errors import InputError

SMAPS = Path("/proc/self/smaps")
ROWS = np.arange(128 * 32768, dtype=np.float32).reshape(128, 32768)  # 16 MB


def mapped_bytes(path):
    """How much of a file is in this process's memory."""
    lines = iter(SMAPS.read_text().splitlines())
    for line in lines:
        if line.endswith(str(path)):
            return next(int(row.split()[1]) * 1024 for row in lines if row.startswith("Rss"))
    return 0


@pytest.fixture
def path(tmp_path):
    np.save(tmp_path / "rows.npy", ROWS)
    return tmp_path / "rows.npy"


@pytest.fixture
def array(path):
    return np.load(path, mmap_mode="r")


def test_rows_are_those_of_the_file(array):
    rows = FileRows(array)

    assert len(rows) == 128
    assert all(np.array_equal(row, expected) for row, expected in zip(rows, ROWS))
    assert rows[3].dtype == np.float32 and np.array_equal(FileRows(array[5:])[3], ROWS[8])


@pytest.mark.skipif(not SMAPS.exists(), reason="Linux says what is mapped")
def test_rows_that_were_read_or_checked_are_not_mapped(array, path):
    for row in FileRows(array):
        assert row[-1] > 0
    assert mapped_bytes(path) <= 1 << 16  # the file's head

    assert first_not_finite(array) is None
    assert mapped_bytes(path) <= 1 << 20


def test_without_reading_at_a_place_the_rows_are_those_of_the_map(array, monkeypatch):
    monkeypatch.delattr(os, "preadv", raising=False)

    assert all(np.array_equal(row, expected) for row, expected in zip(FileRows(array), ROWS))


@pytest.mark.skipif(not hasattr(os, "preadv"), reason="rows are those of the map")
def test_a_file_that_was_cut_short_meanwhile_is_one_sentence(array, path):
    rows = FileRows(array)
    os.truncate(path, 3 << 20)

    assert np.array_equal(rows[2], ROWS[2])
    with pytest.raises(InputError, match=r"rows\.npy ends before its row 100"):
        rows[100]


def test_an_array_in_memory_is_read_as_it_is():
    rows = FileRows(np.arange(6).reshape(3, 2))

    assert [row.tolist() for row in rows] == [[0, 1], [2, 3], [4, 5]]
