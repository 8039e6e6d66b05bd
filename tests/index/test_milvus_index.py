"""Search in Milvus Lite's file."""

import numpy as np
import pytest

from vsepp.index.exact import ExactIndex
from vsepp.index.milvus_index import MilvusIndex
from vsepp.system.errors import InputError

pytest.importorskip("pymilvus")
pytest.importorskip("milvus_lite")


def test_it_finds_what_exact_search_finds(tmp_path):
    generator = np.random.default_rng(0)
    codes = generator.standard_normal((300, 16)).astype(np.float32)
    codes /= np.linalg.norm(codes, axis=1, keepdims=True)
    index, exact = MilvusIndex(str(tmp_path / "own.db"), 16), ExactIndex()
    for backend in (index, exact):
        backend.add(np.arange(300) * 3, codes)
        backend.remove([0, 30, 60])
    assert len(index) == 297
    ids, scores = index.search(codes[:20], 10)
    right, expected = exact.search(codes[:20], 10)
    np.testing.assert_array_equal(ids, right)
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    with pytest.raises(InputError, match="the id 3 is there already"):
        index.add([3], codes[:1])
    index.close()

    again = MilvusIndex(str(tmp_path / "own.db"), 16)
    np.testing.assert_array_equal(again.search(codes[:5], 10)[0], right[:5])
    again.close()
    with pytest.raises(InputError, match="16"):
        MilvusIndex(str(tmp_path / "own.db"), 8)


def test_the_order_measure_is_refused(tmp_path):
    with pytest.raises(InputError, match="order"):
        MilvusIndex(str(tmp_path / "own.db"), 16, measure="order")
