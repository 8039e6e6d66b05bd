"""Exact search equals scoring everything in double precision and sorting it."""

import numpy as np
import pytest

from vsepp.index import exact
from vsepp.index.exact import ExactIndex
from vsepp.metrics.similarity import Ensemble, find_measure
from vsepp.system.errors import InputError


def make_codes(count, size=24, seed=0, dtype=np.float32):
    codes = np.random.default_rng(seed).standard_normal((count, size))
    return (codes / np.linalg.norm(codes, axis=1, keepdims=True)).astype(dtype)


def twin(rows, queries, k, measure="cosine"):
    """(rows, scores) of the full matrix, sorted stably: of equals the lower row first."""
    table = np.stack(
        [
            find_measure(measure).pairs(
                rows, query[None], np.arange(len(rows)), np.zeros(len(rows), int)
            )
            for query in queries
        ]
    )
    order = np.argsort(-table, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(table, order, 1).astype(np.float32)


def twin_table(rows, queries, measure):
    """float64 ``[n_queries, n_rows]``, from the definitions."""
    rows, queries = rows.astype(float), queries.astype(float)
    if measure == "cosine":
        return np.array([[float(np.dot(row, query)) for row in rows] for query in queries])
    return np.array(
        [[-np.linalg.norm(np.maximum(query - row, 0)) for row in rows] for query in queries]
    )


def index_of(codes, measure="cosine"):
    index = ExactIndex(measure)
    index.add(np.arange(len(codes)), codes)
    return index


@pytest.fixture(autouse=True, params=[700, 1 << 21])
def _block_bytes(request, monkeypatch):
    """Blocks of seven rows, and one for all."""
    monkeypatch.setattr(exact, "BLOCK_BYTES", request.param)


@pytest.mark.parametrize("measure", ["cosine", "order"])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("queries", [1, 3, 17])
@pytest.mark.parametrize("k", [1, 10, 200, 500])
def test_it_equals_the_full_matrix(measure, dtype, queries, k):
    codes, asked = make_codes(200, dtype=dtype), make_codes(queries, seed=1)
    ids, scores = index_of(codes, measure).search(asked, k)
    rows, right = twin(codes, asked, k, measure)
    np.testing.assert_array_equal(ids, rows)
    np.testing.assert_array_equal(scores, right)


@pytest.mark.parametrize("measure", ["cosine", "order"])
def test_of_equals_the_lower_row_goes_first(measure):
    few = make_codes(5)
    codes = few[np.random.default_rng(2).integers(0, 5, 300)]
    asked = make_codes(6, seed=3)
    ids, _ = index_of(codes, measure).search(asked, 70)
    np.testing.assert_array_equal(ids, twin(codes, asked, 70, measure)[0])


@pytest.mark.parametrize("measure", ["cosine", "order"])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("queries, k", [(1, 1), (3, 10), (17, 500)])
@pytest.mark.parametrize("widths", [(24,), (7, 17), (9, 3, 12)])
def test_an_ensemble_equals_the_full_matrix(measure, dtype, queries, k, widths):
    codes, asked = make_codes(200, dtype=dtype), make_codes(queries, seed=1)
    codes[150:] = codes[:50]  # ties
    ensemble = Ensemble(measure, widths)
    ids, scores = index_of(codes, ensemble).search(asked, k)
    rows, right = twin(codes, asked, k, ensemble)
    np.testing.assert_array_equal(ids, rows)
    np.testing.assert_array_equal(scores, right)
    slow = sum(twin_table(codes[:, part], asked[:, part], measure) for part in ensemble.columns)
    np.testing.assert_allclose(scores, -np.sort(-slow, axis=1)[:, :k], atol=1e-6)


@pytest.mark.parametrize("measure", ["cosine", "order"])
def test_an_ensemble_of_models_on_different_scales_is_told_apart(measure):
    # What is longest in one model's columns is not what is longest over all columns.
    codes = make_codes(400)
    codes[:, :12] *= np.linspace(1e-3, 30, 400, dtype=np.float32)[:, None]
    codes[:, 12:] *= np.linspace(30, 1e-3, 400, dtype=np.float32)[:, None]
    asked = make_codes(5, seed=1)
    ensemble = Ensemble(measure, (12, 12))
    ids, _ = index_of(codes, ensemble).search(asked, 40)
    np.testing.assert_array_equal(ids, twin(codes, asked, 40, ensemble)[0])


def test_codes_that_are_no_ensembles_are_refused():
    with pytest.raises(InputError, match="each row of 30 numbers"):
        index_of(make_codes(3), Ensemble("cosine", (24, 6)))


def test_several_parts_are_searched_as_one():
    codes, asked = make_codes(90), make_codes(3, seed=1)
    index = ExactIndex()
    for start, end in ((0, 50), (50, 80), (80, 90)):
        index.add(np.arange(start, end), codes[start:end])
    np.testing.assert_array_equal(index.search(asked, 70)[0], twin(codes, asked, 70)[0])
    assert len(index.search(asked[:0], 5)[0]) == 0
    assert index.search(asked, 0)[0].shape == (3, 0)


def test_a_collapsed_model_is_answered_in_order(monkeypatch):
    monkeypatch.setattr(exact, "_UNDECIDED", 20)
    codes = np.repeat(make_codes(1), 400, axis=0)
    ids, _ = index_of(codes).search(make_codes(6, seed=1), 9)
    np.testing.assert_array_equal(ids, np.tile(np.arange(9), (6, 1)))


def test_rows_that_single_precision_cannot_tell_apart_are_told_apart(monkeypatch):
    monkeypatch.setattr(exact, "_UNDECIDED", 20)
    codes = np.full((500, 8), 0.3, np.float32)
    codes[:, 7] = np.random.default_rng(0).permutation(500) * 1e-9
    asked = np.ones((1, 8), np.float32)
    ids, _ = index_of(codes).search(asked, 12)
    np.testing.assert_array_equal(ids[0], np.argsort(-codes[:, 7])[:12])


def test_the_answer_does_not_depend_on_who_asks_with_whom():
    codes, asked = make_codes(500), make_codes(40, seed=1)
    index = index_of(codes)
    together = index.search(asked, 10)
    alone = [index.search(query[None], 10) for query in asked]
    np.testing.assert_array_equal(together[0], np.concatenate([ids for ids, _ in alone]))
    np.testing.assert_array_equal(together[1], np.concatenate([scores for _, scores in alone]))


def test_codes_that_are_not_of_unit_length_are_searched_by_their_dot_product():
    codes = make_codes(200) * np.random.default_rng(5).uniform(0.01, 50, (200, 1)).astype("f4")
    asked = 30 * make_codes(4, seed=1)
    np.testing.assert_array_equal(index_of(codes).search(asked, 10)[0], twin(codes, asked, 10)[0])


def test_a_memory_map_is_searched_where_it_lies(tmp_path):
    codes = make_codes(300)
    np.save(tmp_path / "codes.npy", codes)
    index = index_of(np.load(tmp_path / "codes.npy", mmap_mode="r"))
    asked = make_codes(2, seed=1)
    np.testing.assert_array_equal(index.search(asked, 5)[0], twin(codes, asked, 5)[0])


def test_rows_come_and_go():
    codes, asked = make_codes(90), make_codes(3, seed=1)
    index, kept = ExactIndex(), np.ones(90, bool)
    for start, end in ((0, 50), (50, 51), (51, 52), (52, 90)):
        index.add(1000 - np.arange(start, end), codes[start:end])
    for gone in (range(5, 20), range(49, 60), [89]):
        index.remove(1000 - np.array(gone))
        kept[gone] = False
    index.remove([7])  # never there
    ids, scores = index.search(asked, 8)
    rows, right = twin(codes[kept], asked, 8)
    np.testing.assert_array_equal(ids, 1000 - np.flatnonzero(kept)[rows])
    np.testing.assert_array_equal(scores, right)
    assert len(index) == kept.sum()


def test_an_empty_index_finds_nothing():
    ids, scores = ExactIndex().search(make_codes(2), 5)
    assert ids.shape == scores.shape == (2, 0)
    index = index_of(make_codes(3))
    index.remove(range(3))
    assert index.search(make_codes(2), 5)[0].shape == (2, 0) and len(index) == 0


@pytest.mark.parametrize(
    "ids, codes, words",
    [
        ([0], make_codes(1), "the id 0 is there already"),
        ([8, 8], make_codes(2), "the id 8 is there already"),
        ([8], make_codes(2), "do not fit"),
        ([8], make_codes(1, size=7), "do not fit"),
        ([8], make_codes(1).astype(np.float64), "float64"),
        ([8], make_codes(1)[0], "do not fit"),
    ],
)
def test_what_cannot_be_added_is_refused(ids, codes, words):
    index = index_of(make_codes(3))
    with pytest.raises(InputError, match=words):
        index.add(ids, codes)
    assert len(index) == 3


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused(value):
    codes = make_codes(30)
    codes[17, 3] = value
    with pytest.raises(InputError, match="row 17"):
        index_of(codes).search(make_codes(1), 3)
    with pytest.raises(InputError, match="query"):
        index_of(make_codes(30)).search(codes[17:18], 3)


def test_a_query_of_another_size_is_refused():
    with pytest.raises(InputError, match="24"):
        index_of(make_codes(3)).search(make_codes(1, size=7), 3)


@pytest.mark.parametrize("ids", ([1.7], ["a"], [2**70], [True], 3, [[1]], None))
def test_ids_are_whole_numbers(ids):
    index = ExactIndex()
    index.add([0, 1], np.eye(2, dtype=np.float32))

    for change in (lambda: index.add(ids, np.ones((1, 2), np.float32)), lambda: index.remove(ids)):
        with pytest.raises(InputError, match="whole numbers"):
            change()
    assert len(index) == 2
    index.remove([])
    assert len(index) == 2


@pytest.mark.parametrize("k", (1.5, None, "1"))
def test_how_many_are_wanted_is_a_whole_number(k):
    index = ExactIndex()
    index.add([0, 1], np.eye(2, dtype=np.float32))

    with pytest.raises(InputError, match="k must be a whole number"):
        index.search(np.ones((1, 2)), k)


@pytest.mark.parametrize("widths", ((), (0,), (3, -1), (2.5,), ("a",)))
def test_an_ensembles_widths_are_positive(widths):
    with pytest.raises(InputError, match="widths"):
        Ensemble("cosine", widths)
