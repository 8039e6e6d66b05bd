"""Holding Ctrl-C and SIGTERM back where they would do harm."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_HELD = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def held_back() -> Iterator[None]:
    """Let SIGINT and SIGTERM wait until the block is through.

    For calls into Paddle that do not stand an exception in their midst. Handlers that the
    block replaces are as before afterwards.
    """
    if (
        threading.current_thread() is not threading.main_thread()
    ):  # Python runs handlers in the main thread alone
        yield
        return
    arrived = []
    handlers = {
        number: signal.signal(number, lambda number, frame: arrived.append(number))
        for number in _HELD
    }
    # Blocked as well, where that can be: Paddle's import puts handlers of its own in place.
    masks = hasattr(signal, "pthread_sigmask")
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _HELD) if masks else None
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler or signal.SIG_DFL)
        if before is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if arrived:
            signal.raise_signal(arrived[0])
