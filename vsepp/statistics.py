"""The published path of ``intervals``, ``compare`` and ``summarise``."""

from vsepp.metrics.bootstrap import Ranks, compare, intervals, summarise

__all__ = ["Ranks", "compare", "intervals", "summarise"]
