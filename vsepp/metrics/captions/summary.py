"""Scores of captions over several runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

from vsepp.metrics.bootstrap import check_runs, over_runs
from vsepp.metrics.captions.statistics import SCORES


def summarise_captions(results: Sequence[dict], names: Optional[Sequence[str]] = None) -> dict:
    """Mean and sample standard deviation of every score over runs, such as several seeds.

    Args:
        results: what ``tools/eval.py`` wrote of captioners, two or more: of one data set, split,
            convention, tokenizer and decoding.
        names: what to call each in an error.

    Returns:
        dict: ``{"dataset", "split", "images", "references", "protocol", "tokenizer", "source",
        "runs", "BLEU-1": {"mean", "std"}, …}``

    Raises:
        InputError: when they are fewer or do not belong together.
    """
    shared = ["dataset", "split", "images", "references", "protocol", "tokenizer"]
    if any(isinstance(result, dict) and "source" in result for result in results):
        shared.append("source")
    check_runs(results, shared, SCORES, names)
    return {
        **{key: results[0][key] for key in shared},
        "runs": len(results),
        **{name: over_runs([result[name] for result in results]) for name in SCORES},
    }
