"""Work in blocks: what it leaves of BLAS's threads to whoever comes after it."""

import numpy as np  # noqa: F401 - whose BLAS is asked
import threadpoolctl

from vsepp.system import parallel
from vsepp.system.parallel import map_blocks


def blas_threads():
    return {
        pool["num_threads"]
        for pool in threadpoolctl.threadpool_info()
        if pool["user_api"] == "blas"
    }


def test_callers_that_overlap_leave_blas_as_it_was():
    parallel._blas.cache_clear()  # other tests have brought a BLAS more, such as SciPy's
    with threadpoolctl.threadpool_limits(3, user_api="blas"):
        before = blas_threads()
        first, second = (map_blocks(lambda block: block, [1, 2], threads=2) for _ in range(2))
        assert (next(first), next(second)) == (1, 1)
        first.close()
        assert blas_threads() == {1}
        second.close()
        assert blas_threads() == before != {1}
