"""Ctrl-C and SIGTERM during long work: finish the step, save, then go."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

from vsepp.models.ranks import ALONE, Alone


class StopRequest:
    """A context in which the first signal only sets a flag; a second Ctrl-C ends at once.

    Processes that train together stop at the same step: each takes a signal that arrives at one
    of them for its own when it next calls :meth:`settle`, as all do at the same place.

    Args:
        ranks: the processes.

    Attributes:
        signal: the number of the signal that is followed, or None.
        arrived: the number of one that arrived here, or None.
        at_once: whether a second Ctrl-C asked for an end without saving.
        within_step: set while nothing may break off what is being done.
    """

    def __init__(self, ranks: Alone = ALONE) -> None:
        self.ranks = ranks
        self.signal: int | None = None
        self.arrived: int | None = None
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
        if self.arrived is not None and number == signal.SIGINT:
            self.at_once = True
            raise KeyboardInterrupt
        if self.arrived is None and hasattr(signal, "SIGCHLD"):
            self._hear_of_workers(signal.getsignal(signal.SIGCHLD))
        self.arrived = number
        if self.ranks.count == 1:
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

    def settle(self) -> bool:
        """Agree with the other processes; returns whether all stop here, before the next step.

        One process stops by itself, once its step is done.
        """
        if self.ranks.count == 1:
            return False
        self.signal = max(self.ranks.all(self.arrived or 0)) or None
        return self.signal is not None

    def __bool__(self) -> bool:
        return self.signal is not None
