"""Approximate search with faiss."""

import numpy as np
import pytest

from vsepp.index import faiss_index
from vsepp.index.exact import ExactIndex
from vsepp.index.faiss_index import FaissIndex, open_stored, recall_at_10, stored
from vsepp.system.errors import InputError

pytest.importorskip("faiss")


def make_codes(count, seed=0):
    codes = np.random.default_rng(seed).standard_normal((count, 16)).astype(np.float32)
    return codes / np.linalg.norm(codes, axis=1, keepdims=True)


@pytest.fixture(params=["hnsw", "ivf"])
def kind(request, monkeypatch):
    monkeypatch.setattr(faiss_index, "LARGE", 100 if request.param == "ivf" else 10_000)
    return request.param


def test_it_finds_nearly_what_exact_search_finds(kind):
    codes = make_codes(1_500)
    index = FaissIndex()
    index.add(np.arange(len(codes)), codes)
    assert index.kind == kind
    assert recall_at_10(index, codes) > 0.5


def test_removed_rows_are_not_found_and_others_keep_their_ids(kind):
    codes, asked = make_codes(600), make_codes(4, seed=1)
    index, exact = FaissIndex(), ExactIndex()
    for backend in (index, exact):
        backend.add(np.arange(500) + 7_000, codes[:500])
        backend.add(np.arange(500, 600) + 7_000, codes[500:])
    gone = exact.search(asked, 5)[0].ravel()
    for backend in (index, exact):
        backend.remove(gone)
    assert len(index) == len(exact)
    ids, scores = index.search(asked, 10)
    assert not np.isin(ids, gone).any()
    found = ids >= 0
    rows = np.broadcast_to(np.arange(4)[:, None], ids.shape)[found]
    np.testing.assert_allclose(
        scores[found], np.einsum("ij,ij->i", asked[rows], codes[ids[found] - 7_000]), atol=1e-5
    )


def test_a_stored_index_answers_as_before(kind, tmp_path):
    codes, path = make_codes(400), tmp_path / "a.faiss"
    about = stored(path, codes.astype(np.float16), "cosine")
    index = FaissIndex()
    index.add(np.arange(400), codes.astype(np.float16))
    again = open_stored(path, about, 400)
    for one, other in zip(index.search(codes[:9], 5), again.search(codes[:9], 5)):
        np.testing.assert_array_equal(one, other)
    assert about["kind"] == kind and 0.3 < about["recall"] <= 1


@pytest.mark.parametrize(
    "damage",
    [lambda data: data[:-9], lambda data: b"", lambda data: data[:200] + b"x" + data[201:]],
)
def test_a_damaged_file_never_reaches_faiss(damage, tmp_path):
    path = tmp_path / "a.faiss"
    about = stored(path, make_codes(50), "cosine")
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InputError, match="damaged"):
        open_stored(path, about, 50)


def test_the_order_measure_is_refused():
    with pytest.raises(InputError, match="order"):
        FaissIndex("order")


def test_an_empty_index_finds_nothing():
    assert FaissIndex().search(make_codes(2), 5)[0].shape == (2, 0)
