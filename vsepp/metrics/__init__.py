"""Scores of codes: similarities, ranks, recalls, intervals. NumPy only."""

from vsepp.metrics.scores import (
    all_metrics,
    calc_recall,
    compute_ranks,
    fold_metrics,
    median_rank,
    recall_at,
)

__all__ = [
    "all_metrics",
    "calc_recall",
    "compute_ranks",
    "fold_metrics",
    "median_rank",
    "recall_at",
]
