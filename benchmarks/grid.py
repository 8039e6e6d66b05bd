"""The head over the cells of a stored grid: its step, and codes of photographs' grids."""

from benchmarks.encoder_codes import measure_codes
from benchmarks.encoder_step import measure_steps
from benchmarks.results import Result

TITLE = "head over a grid of features"
SMOKE = dict(batches=2, batch=4, grids=11, cells=4, feature_size=5, embed_size=6)


def measure(
    bench, batches=2, batch=128, grids=512, cells=49, feature_size=2048, embed_size=1024, rounds=5
):
    """The step without gradients of the features, and codes of grids as they are stored."""
    result = Result(
        f"{TITLE}: batch {batch}, {cells} cells of {feature_size} → {embed_size}, residual MLP, GPO"
    )
    sizes = dict(cells=cells, feature_size=feature_size, embed_size=embed_size)
    measure_steps(bench, result, "grid", sizes, batches, batch, rounds)
    measure_codes(bench, result, "grid", sizes, grids, batch, 3, "grids")
    return result
