"""Work on NumPy blocks, spread over the processor's cores."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from vsepp.system.threads import cpu_count

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

_LOCK = Lock()
_held: list[Any] = []  # BLAS's limit while blocks are computed, once for each caller

Block = TypeVar("Block")
Result = TypeVar("Result")


@lru_cache(maxsize=1)
def _blas() -> ThreadpoolController:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@contextmanager
def _one_core_each() -> Iterator[None]:
    """Let each product run on one core. Callers in several threads may overlap: the first sets the
    limit, and the last takes it away."""
    with _LOCK:
        _held.append(_held[0] if _held else _blas().limit(limits=1, user_api="blas"))
    try:
        yield
    finally:
        with _LOCK:
            limit = _held.pop()
            if not _held:
                limit.restore_original_limits()


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
    with _one_core_each(), ThreadPoolExecutor(threads) as pool:
        yield from pool.map(function, blocks)
