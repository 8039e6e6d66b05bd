"""Ctrl-C and SIGTERM during long work: finish the step, save, then go."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class StopRequest:
    """A context in which the first signal only sets a flag; a second Ctrl-C ends at once.

    Attributes:
        signal: the number of the signal that arrived, or None.
        at_once: whether a second Ctrl-C asked for an end without saving.
        within_step: set while nothing may break off what is being done.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self.at_once = False
        self.within_step = False
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():  # others get no signals
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        if self.at_once and isinstance(error, Exception):
            # Raised amid a gradient of ours, Paddle makes an error of its own of it.
            raise KeyboardInterrupt from None

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None and number == signal.SIGINT:
            self.at_once = True
            raise KeyboardInterrupt
        if self.signal is None and hasattr(signal, "SIGCHLD"):
            self._hear_of_workers(signal.getsignal(signal.SIGCHLD))
        self.signal = number

    def _hear_of_workers(self, handler: Any) -> None:
        """Let a step be finished although the signal has ended the workers too.

        Paddle's handler raises wherever the run is just then.
        """
        if callable(handler):
            signal.signal(
                signal.SIGCHLD,
                lambda number, frame: None if self.within_step else handler(number, frame),
            )

    def __bool__(self) -> bool:
        return self.signal is not None
