"""Scores of codes: similarities, ranks, recalls, intervals. NumPy only, no Paddle.

From one file to the next: ``similarity`` (the measures), ``correspondence`` (which texts are right
for which images), ``counting`` (wrong candidates before right ones), ``scores`` (ranks, R@K, mAP@R,
rsum), ``bootstrap`` (intervals, comparisons, means over runs), ``result`` (one evaluation, as it is
printed and stored), ``protocol`` (codes to result); ``top_k`` answers single queries.
"""

from vsepp.metrics.correspondence import Correspondence
from vsepp.metrics.protocol import evaluate_codes
from vsepp.metrics.result import RetrievalResult
from vsepp.metrics.scores import (
    RECALL_NAMES,
    all_metrics,
    calc_recall,
    compute_ranks,
    fold_metrics,
    median_rank,
    recall_at,
    recalls,
)
from vsepp.metrics.similarity import Ensemble

__all__ = [
    "Correspondence",
    "Ensemble",
    "RECALL_NAMES",
    "RetrievalResult",
    "all_metrics",
    "calc_recall",
    "compute_ranks",
    "evaluate_codes",
    "fold_metrics",
    "median_rank",
    "recall_at",
    "recalls",
]
