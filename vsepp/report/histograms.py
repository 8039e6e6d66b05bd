"""How ranks are spread: a histogram whose bins grow with the rank."""

from itertools import count

import numpy as np

from vsepp.report.web_page import escape


def rank_bins(candidates):
    """Bins that end at 1, 2, 5, 10, 20, 50 …, so that R@1, R@5 and R@10 can be read off.

    Args:
        candidates: how many answers are ranked.

    Returns:
        list of (first, last): ranks from one, both inside; together ``1`` to ``candidates``.

    >>> rank_bins(12)
    [(1, 1), (2, 2), (3, 5), (6, 10), (11, 12)]
    """
    bins, first = [], 1
    for place in count():
        last = (1, 2, 5)[place % 3] * 10 ** (place // 3)
        bins.append((first, min(last, candidates)))
        if last >= candidates:
            return bins
        first = last + 1


def histogram(ranks, candidates):
    """``[(first, last, how many)]``: queries in each of :func:`rank_bins`.

    Args:
        ranks: int, from zero, below ``candidates``.
    """
    bins = rank_bins(candidates)
    ends = [0, *(last for _, last in bins)]
    counts, _ = np.histogram(ranks, bins=np.array(ends) - 0.5)
    return [(*edges, int(number)) for edges, number in zip(bins, counts)]


def histogram_html(title, ranks, candidates):
    """The histogram as a table with bars; the longest bar fills its column."""
    rows = histogram(ranks, candidates)
    most = max(number for _, _, number in rows)
    lines = []
    for first, last, number in rows:
        label = f"{first:,}" if first == last else f"{first:,}–{last:,}"
        bar = f'<i style="width:{100 * number / most:.1f}%"></i>' if number else ""
        lines.append(
            f"<tr><th>{label}</th><td>{bar}</td>"
            f"<td>{number:,} ({100 * number / len(ranks):.1f} %)</td></tr>"
        )
    return (
        f'<div><h3>{escape(title)}</h3>\n<table class="ranks">\n'
        + "\n".join(lines)
        + "\n</table></div>"
    )
