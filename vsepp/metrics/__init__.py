"""Scores of codes: similarities, ranks, recalls, intervals. NumPy only, no Paddle.

From one file to the next: ``similarity`` (the measures), ``correspondence`` (which texts are right
for which images), ``counting`` (wrong candidates before right ones), ``scores`` (ranks, R@K, mAP@R,
rsum), ``bootstrap`` (intervals, comparisons, means over runs), ``result`` (one evaluation, as it is
printed and stored), ``protocol`` (codes to result); ``top_k`` answers single queries. Each is
imported when one of its names is first used: a single query needs no bootstrap. Sentences are
scored in ``captions``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsepp.system.lazy import lazy_names

if TYPE_CHECKING:
    from vsepp.metrics.correspondence import Correspondence as Correspondence
    from vsepp.metrics.protocol import evaluate_codes as evaluate_codes
    from vsepp.metrics.result import RetrievalResult as RetrievalResult
    from vsepp.metrics.scores import RECALL_NAMES as RECALL_NAMES
    from vsepp.metrics.scores import all_metrics as all_metrics
    from vsepp.metrics.scores import calc_recall as calc_recall
    from vsepp.metrics.scores import compute_ranks as compute_ranks
    from vsepp.metrics.scores import fold_metrics as fold_metrics
    from vsepp.metrics.scores import median_rank as median_rank
    from vsepp.metrics.scores import recall_at as recall_at
    from vsepp.metrics.scores import recalls as recalls
    from vsepp.metrics.similarity import Ensemble as Ensemble

_HOMES = {
    "Correspondence": "vsepp.metrics.correspondence",
    "Ensemble": "vsepp.metrics.similarity",
    "RECALL_NAMES": "vsepp.metrics.scores",
    "RetrievalResult": "vsepp.metrics.result",
    "all_metrics": "vsepp.metrics.scores",
    "calc_recall": "vsepp.metrics.scores",
    "compute_ranks": "vsepp.metrics.scores",
    "evaluate_codes": "vsepp.metrics.protocol",
    "fold_metrics": "vsepp.metrics.scores",
    "median_rank": "vsepp.metrics.scores",
    "recall_at": "vsepp.metrics.scores",
    "recalls": "vsepp.metrics.scores",
}

__all__ = list(_HOMES)


__getattr__, __dir__ = lazy_names(__name__, _HOMES)
