import numpy as np
import pytest

from vsepp.metrics.scores import recall_at
from vsepp.report.histograms import bars_html, histogram, histogram_html, rank_bins


@pytest.mark.parametrize("candidates", [1, 2, 3, 5, 9, 10, 11, 1000, 4996])
def test_bins_hold_every_rank_once(candidates):
    bins = rank_bins(candidates)
    assert [rank for first, last in bins for rank in range(first, last + 1)] == list(
        range(1, candidates + 1)
    )


def test_every_query_is_counted_in_its_bin():
    ranks = np.random.default_rng(0).integers(0, 300, 500)
    rows = histogram(ranks, 300)
    for first, last, number in rows:
        assert number == sum(first <= rank + 1 <= last for rank in ranks)
    assert sum(number for _, _, number in rows) == 500


def test_recalls_can_be_read_off():
    ranks = np.random.default_rng(1).integers(0, 40, 77)
    rows = histogram(ranks, 40)
    for k in (1, 5, 10):
        within = sum(number for _, last, number in rows if last <= k)
        assert 100 * within / 77 == pytest.approx(recall_at(ranks, k))


def test_the_longest_bar_fills_its_column_and_empty_bins_have_none():
    page = histogram_html("a & b", np.array([0, 0, 7]), 12)
    assert "a &amp; b" in page and "2 (66.7 %)" in page and "width:100.0%" in page
    assert page.count("<i ") == 2 and page.count("<tr>") == 5


def test_any_counts_become_bars_and_none_at_all_does_not_matter():
    page = bars_html("<b>", [("1–2", 3), ("from <3", 0)])
    assert "&lt;b&gt;" in page and "from &lt;3" in page and "3 (100.0 %)" in page
    assert page.count("<i ") == 1
