"""Holding Ctrl-C and SIGTERM back where they would do harm."""

import signal
import threading
from contextlib import contextmanager

_HELD = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def held_back():
    """Let SIGINT and SIGTERM wait until the block is through.

    For calls into Paddle that do not stand an exception in their midst. Handlers that the
    block replaces are as before afterwards.
    """
    # Only the main thread gets signals, and Windows knows no waiting ones.
    if threading.current_thread() is not threading.main_thread() \
            or not hasattr(signal, "pthread_sigmask"):
        yield
        return
    handlers = {number: signal.getsignal(number) for number in _HELD}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _HELD)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            if handler is not None:  # None is one that Python does not know
                signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def import_paddle():
    """Import Paddle, whole, and keep the signals that it takes for itself.

    A Ctrl-C during its import would be an ImportError, and with its own handler of SIGTERM
    nothing could be cleaned up.
    """
    with held_back():
        import paddle

        paddle.disable_signal_handler()
