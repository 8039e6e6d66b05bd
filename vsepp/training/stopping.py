"""Ctrl-C and SIGTERM during long work: finish the step, save, then go."""

import signal
import threading


class StopRequest:
    """A context in which the first signal only sets a flag; a second Ctrl-C ends at once.

    Attributes:
        signal: the number of the signal that arrived, or None.
    """

    def __init__(self):
        self.signal = None
        self._previous = {}

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():  # others get no signals
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_):
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _note(self, number, frame):
        if self.signal is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal = number

    def __bool__(self):
        return self.signal is not None
