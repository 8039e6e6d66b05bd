"""Work on NumPy blocks, spread over the processor's cores."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

from vsepp.system.threads import cpu_count

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

Block = TypeVar("Block")
Result = TypeVar("Result")


@lru_cache(maxsize=1)
def _blas() -> ThreadpoolController:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def map_blocks(
    function: Callable[[Block], Result], blocks: Sequence[Block], threads: int | None = None
) -> Iterator[Result]:
    """Apply ``function`` to every block, yielding the results in order.

    NumPy lets go of the interpreter while it computes, so threads suffice. Each product runs
    on one core meanwhile: one block to a core keeps what a block needs in that core's cache,
    and does not wait when another program takes a core away, as a product split over all
    cores does.

    Args:
        function: called with one block; must not start products of its own threads.
        blocks: a sequence.
        threads: how many at a time; by itself one for each core.

    Yields:
        what ``function`` returned
    """
    threads = min(threads or cpu_count(), len(blocks))
    if threads <= 1:
        yield from map(function, blocks)
        return
    with _blas().limit(limits=1, user_api="blas"), ThreadPoolExecutor(threads) as pool:
        yield from pool.map(function, blocks)
