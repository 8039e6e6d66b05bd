"""How ranks are spread: a histogram whose bins grow with the rank. Any counts as bars."""

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
    """The histogram as a table with bars."""
    rows = [
        (f"{first:,}" if first == last else f"{first:,}–{last:,}", number)
        for first, last, number in histogram(ranks, candidates)
    ]
    return bars_html(title, rows)


def bars_html(title, rows):
    """Counts as a table with bars; the longest bar fills its column.

    Args:
        title: plain text.
        rows: (label, how many) each; together they are all that there is.
    """
    most, total = max(number for _, number in rows), sum(number for _, number in rows)
    lines = []
    for label, number in rows:
        bar = f'<i style="width:{100 * number / most:.1f}%"></i>' if number else ""
        lines.append(
            f"<tr><th>{escape(label)}</th><td>{bar}</td>"
            f"<td>{number:,} ({100 * number / total:.1f} %)</td></tr>"
        )
    return (
        f'<div><h3>{escape(title)}</h3>\n<table class="ranks">\n'
        + "\n".join(lines)
        + "\n</table></div>"
    )
