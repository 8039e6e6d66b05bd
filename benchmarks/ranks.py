"""Ranks of all queries in both directions, from codes."""

from contextlib import ExitStack

import numpy as np

from benchmarks import synthetic
from benchmarks.results import LIMIT, Result, compared

TITLE = "ranks in both directions"
SMOKE = dict(sizes=((20, 1), (40, 4)), embed_size=8)
PER_IMAGE = 5
_BLOCK = 2**25  # scores of a block of the bare product: 128 MB, used again and again


class Ours:
    """``vsepp.compute_ranks``, or with ``everything`` all metrics of an evaluation."""

    def __init__(self, images, embed_size, everything=False):
        from vsepp.metrics import scores as metrics

        self.images, self.texts = synthetic.unit_codes(images, PER_IMAGE, embed_size)
        if everything:
            self.run = lambda: metrics.all_metrics(self.images, self.texts, PER_IMAGE)["rsum"]
            return
        self.images = np.repeat(self.images, PER_IMAGE, axis=0)

    def run(self):
        from vsepp.metrics.scores import compute_ranks

        i2t, t2i = compute_ranks(self.images, self.texts, PER_IMAGE)
        return [int(i2t.sum()), int(t2i.sum())]


class Documented:
    """Sorting and looking up in Python loops; every ``every``-th query only."""

    def __init__(self, images, embed_size, every=1):
        self.images, self.texts = synthetic.unit_codes(images, PER_IMAGE, embed_size)
        self.every = every
        self.scores = None if every == 1 else self.images @ self.texts.T

    def run(self):
        from benchmarks.documented_ranks import image_ranks, text_ranks

        scores = self.images @ self.texts.T if self.scores is None else self.scores
        i2t = image_ranks(scores, PER_IMAGE, range(0, len(self.images), self.every))
        t2i = text_ranks(scores, PER_IMAGE, range(0, len(self.texts), self.every))
        return [int(sum(i2t)), int(sum(t2i))]


class Product:
    """The bare matrix product, block by block into the same memory: the limit."""

    def __init__(self, images, embed_size):
        self.images, texts = synthetic.unit_codes(images, PER_IMAGE, embed_size)
        self.texts = texts.T
        blocks = -(-images * len(texts) // _BLOCK)
        self.rows = -(-images // blocks)
        self.scores = np.empty((self.rows, len(texts)), np.float32)

    def run(self):
        for start in range(0, len(self.images), self.rows):
            rows = self.images[start : start + self.rows]
            np.matmul(rows, self.texts, out=self.scores[: len(rows)])


def measure(bench, sizes=((1000, 1), (5000, 25)), embed_size=1024, rounds=5):
    """Our ranks against the documented code and the bare product.

    Args:
        sizes: (images, of how many queries one is taken for the documented code).
    """
    result = Result(f"{TITLE}, codes of {embed_size} numbers")
    for images, every in sizes:
        what = f"ranks of {images:,} × {images * PER_IMAGE:,}"
        size = dict(images=images, embed_size=embed_size)
        with ExitStack() as stack:
            sides, _ = bench.open_all(
                stack,
                {
                    "ours": ("ranks:Ours", "paddle", size),
                    "all": ("ranks:Ours", "paddle", {**size, "everything": True}),
                    "documented": ("ranks:Documented", "paddle", {**size, "every": every}),
                    LIMIT: ("ranks:Product", "paddle", size),
                },
            )
            taken = bench.compare(what, {name: side.run for name, side in sides.items()}, rounds)
            if every == 1 and "documented" in sides:
                _check(sides)
        everything = taken.pop("all")
        extrapolated = every > 1 and "documented" in taken
        if extrapolated:
            taken["documented"] = taken["documented"].scaled(every).added(taken[LIMIT])
        rows = compared(what, taken.pop("ours"), taken)
        if extrapolated:
            rows[0].note = f"extrapolated from one query of {every}, with the bare product's time"
        taken.pop("documented", None)
        rows += compared(f"all metrics of {images:,} × {images * PER_IMAGE:,}", everything, taken)
        result.rows += rows
    return result


def _check(sides):
    """Ranks that are measured have to be right."""
    ours, theirs = (sides[name].answer["result"] for name in ("ours", "documented"))
    if ours != theirs:
        raise RuntimeError(f"our ranks add up to {ours}, the documented ones to {theirs}")
