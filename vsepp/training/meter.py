"""How fast a run goes."""

from __future__ import annotations

import time
from collections import deque

import numpy as np


class Meter:
    """Seconds per batch (``batch_cost``), of them reading (``reader_cost``), pairs per second."""

    def __init__(self, batch_size: int) -> None:
        self.batch_size = batch_size
        self.costs: deque[tuple[float, float]] = deque(maxlen=50)
        self.restart()

    def restart(self) -> None:
        """Begin the next batch now."""
        self.begin = self.read = time.perf_counter()

    def batch_read(self) -> None:
        """The batch is there; what follows is computing."""
        self.read = time.perf_counter()

    def batch_done(self) -> None:
        """The step is done; the next batch begins now."""
        now = time.perf_counter()
        self.costs.append((now - self.begin, self.read - self.begin))
        self.restart()

    @property
    def batch_cost(self) -> float:
        """Seconds of a step with its reading: the mean of the last fifty."""
        return float(np.mean([cost for cost, _ in self.costs]))

    def __str__(self) -> str:
        reader = float(np.mean([reading for _, reading in self.costs]))
        return (
            f"batch_cost {self.batch_cost:.3f} s reader_cost {reader:.3f} s "
            f"ips {self.batch_size / self.batch_cost:.1f} pairs/s"
        )


def duration(seconds: float) -> str:
    """Seconds as ``h:mm:ss``."""
    hours, rest = divmod(int(seconds), 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}"
