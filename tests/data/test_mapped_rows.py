"""Rows of a file: what was read does not stay in the process's memory."""

from pathlib import Path

import numpy as np
import pytest

from vsepp.data import mapped_rows
from vsepp.data.features import first_not_finite
from vsepp.data.mapped_rows import LetGo

SMAPS = Path("/proc/self/smaps")


def mapped_bytes(path):
    """How much of a file is in this process's memory."""
    lines = iter(SMAPS.read_text().splitlines())
    for line in lines:
        if line.endswith(str(path)):
            return next(int(row.split()[1]) * 1024 for row in lines if row.startswith("Rss"))
    return 0


@pytest.fixture
def stored(tmp_path):
    path = tmp_path / "rows.npy"
    np.save(path, np.arange(128 * 32768, dtype=np.float32).reshape(128, 32768))  # 16 MB
    return np.load(path, mmap_mode="r"), path


@pytest.mark.skipif(not SMAPS.exists(), reason="Linux says what is mapped")
def test_rows_that_were_read_are_let_go_and_stay_what_they_are(stored, monkeypatch):
    array, path = stored
    monkeypatch.setattr(mapped_rows, "_MAPPED_AT_MOST", 1 << 20)
    rows = LetGo(array)
    most = 0

    for kept, row in enumerate(rows):
        row.sum()  # all of it
        assert np.array_equal(row[:2], [kept * 32768, kept * 32768 + 1])
        most = max(most, mapped_bytes(path))

    assert len(rows) == 128 and np.array_equal(row, array[127])
    assert 0 < most <= 8 << 20  # the system maps some of what stands beside a row, too


@pytest.mark.skipif(not SMAPS.exists(), reason="Linux says what is mapped")
def test_rows_that_were_checked_are_let_go(stored):
    array, path = stored

    assert first_not_finite(array) is None
    assert mapped_bytes(path) < 1 << 20


def test_an_array_in_memory_is_read_as_it_is():
    rows = LetGo(np.arange(6).reshape(3, 2))

    assert [row.tolist() for row in rows] == [[0, 1], [2, 3], [4, 5]]
    with pytest.raises(IndexError):
        rows[3]
