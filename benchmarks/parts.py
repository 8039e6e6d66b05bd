"""The parts of the benchmark, by name."""

import difflib
import importlib
import time

from benchmarks.processes import Missing
from benchmarks.results import Result
from vsepp.system.errors import InputError

#: name → its module below ``benchmarks``, in the order in which they run
PARTS = {
    "step": "training_step",
    "bigru": "bigru",
    "bert": "bert",
    "grid": "grid",
    "captioners": "captioners",
    "epoch": "epoch",
    "features": "features",
    "ranks": "ranks",
    "growth": "growth",
    "images": "images",
    "answers": "answers",
    "exports": "exports",
    "micro-batch": "micro_batch",
    "index": "index",
}


def module_of(name):
    """The module of a part."""
    return importlib.import_module(f"benchmarks.{PARTS[name]}")


def titles():
    """``{name: title}`` of every part."""
    return {name: module_of(name).TITLE for name in PARTS}


def choose(names):
    """The parts that ``names`` lists, in their usual order; all for none.

    Raises:
        InputError: for an unknown name, with the nearest.
    """
    for name in names:
        if name not in PARTS:
            nearest = difflib.get_close_matches(name, PARTS, n=1, cutoff=0.0)[0]
            raise InputError(
                f"--only: there is no part {name!r}; the nearest is {nearest!r}, and "
                f"all are {', '.join(PARTS)}."
            )
    return [name for name in PARTS if name in names or not names]


def measure(name, bench, smoke=False):
    """The :class:`Result` of a part; one that cannot be measured here says why.

    Args:
        smoke: at sizes at which the figures mean nothing, to see that everything runs.
    """
    part = module_of(name)
    start = time.perf_counter()
    try:
        result = part.measure(bench, **(part.SMOKE if smoke else {}))
    except Missing as error:
        result = Result(part.TITLE, skipped=str(error))
    result.seconds = time.perf_counter() - start
    return result
