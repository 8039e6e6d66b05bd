"""How an evaluation's time and memory grow with the number of images."""

from contextlib import ExitStack

from benchmarks.ranks import PER_IMAGE
from benchmarks.results import LIMIT, Figure, Result, compared

TITLE = "growth of the evaluation with the number of images"
SMOKE = dict(sizes=(10, 20), embed_size=8)


def measure(bench, sizes=(1000, 2000, 5000, 10_000), embed_size=1024, rounds=3):
    """Time against the bare product's, and peak memory in a fresh process, at each size."""
    result = Result(f"{TITLE}, all metrics, codes of {embed_size} numbers")
    for images in sizes:
        what = f"{images:,} × {images * PER_IMAGE:,}"
        size = dict(images=images, embed_size=embed_size)
        with ExitStack() as stack:
            sides, _ = bench.open_all(
                stack,
                {
                    "ours": ("ranks:Ours", "paddle", {**size, "everything": True}),
                    LIMIT: ("ranks:Product", "paddle", size),
                },
            )
            # The fresh process's first repetition: nothing is there yet that could be used again.
            memory = sides["ours"].peak()
            taken = bench.compare(
                what, {name: side.run for name, side in sides.items()}, rounds, warm=0
            )
        result.rows += compared(what, taken.pop("ours"), taken)
        result.figures.append(Figure(f"peak memory beyond the codes at {what}", memory / 1e6, "MB"))
    return result
