"""How many threads the numerical libraries use, decided before they are imported."""

import os


def cpu_count():
    """Processors this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def set_thread_variables():
    """Give every core to the matrix products and none to a second OpenMP runtime.

    Paddle brings its own OpenMP runtime next to MKL's; with ``OMP_NUM_THREADS`` above
    1 the two fight for the cores and everything slows down several times after the
    first optimizer step. NumPy's OpenBLAS would follow ``OMP_NUM_THREADS``, so it gets
    its own. What the user has set is respected.
    """
    cores = str(cpu_count())
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("MKL_NUM_THREADS", cores)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", cores)
