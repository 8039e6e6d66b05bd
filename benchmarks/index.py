"""Exact search: our index, faiss, and the bare product."""

from contextlib import ExitStack

import numpy as np

from benchmarks.results import Result, compared

TITLE = "exact search"
SMOKE = dict(rows=50, size=8, batches=(1, 3), k=2)


def draw(rows, size, queries):
    """Unit rows float32 ``[rows, size]`` and queries near some of them."""
    generator = np.random.default_rng(0)
    codes = generator.standard_normal((rows, size), np.float32)
    codes /= np.sqrt(np.einsum("ij,ij->i", codes, codes))[:, None]
    asked = codes[generator.integers(rows, size=queries)]
    return codes, asked + 0.02 * generator.standard_normal(asked.shape, np.float32)


class Ours:
    """``vsepp.index.exact.ExactIndex``."""

    def __init__(self, rows, size, queries, k):
        from vsepp.index.exact import ExactIndex

        codes, self.queries = draw(rows, size, queries)
        self.index, self.k = ExactIndex(), k
        self.index.add(np.arange(rows), codes)

    def run(self):
        return self.index.search(self.queries, self.k)[0].ravel()[:100].tolist()


class Faiss:
    """``faiss.IndexFlatIP``."""

    def __init__(self, rows, size, queries, k):
        import faiss

        codes, self.queries = draw(rows, size, queries)
        self.index, self.k = faiss.IndexFlatIP(size), k
        self.index.add(codes)

    def run(self):
        return self.index.search(self.queries, self.k)[1].ravel()[:100].tolist()


class Product:
    """Queries times rows, into the same memory: the limit."""

    def __init__(self, rows, size, queries, k):
        self.codes, self.queries = draw(rows, size, queries)
        self.at_once = max(1, 2**22 // max(queries, 16))
        self.scores = np.empty((min(self.at_once, rows), queries), np.float32)

    def run(self):
        for start in range(0, len(self.codes), self.at_once):
            codes = self.codes[start : start + self.at_once]
            np.matmul(codes, self.queries.T, out=self.scores[: len(codes)])


def measure(bench, rows=100_000, size=1024, batches=(1, 100), k=10, rounds=9):
    """The best ``k`` of ``rows`` codes, for one query and for many at a time."""
    result = Result(f"{TITLE}: the best {k} of {rows:,} codes of {size} numbers")
    for queries in batches:
        settings = dict(rows=rows, size=size, queries=queries, k=k)
        what = f"{queries} {'query' if queries == 1 else 'queries'}"
        with ExitStack() as stack:
            sides, result.notes = bench.open_all(
                stack,
                {
                    "ours": ("index:Ours", "paddle", settings),
                    "faiss, exact": ("index:Faiss", "faiss", settings),
                    "bare product": ("index:Product", "paddle", settings),
                },
            )
            taken = bench.compare(what, {name: side.run for name, side in sides.items()}, rounds)
            _check(sides)
        result.rows += compared(what, taken.pop("ours"), taken)
    return result


def _check(sides):
    """Both have to find the same, but for the order of what is all but equal."""
    found = [set(side.answer["result"]) for name, side in sides.items() if name != "bare product"]
    if any(len(ids ^ found[0]) > 0.05 * len(ids) for ids in found):
        raise RuntimeError("our index and faiss find different codes")
