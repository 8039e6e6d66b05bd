"""Rows, figures, and how they are shown."""

import json

import pytest

from benchmarks.results import SPEED, TIME, Figure, Result, Row, compared, duration, short
from benchmarks.timing import Sample

FAST, SLOW = Sample((0.5, 0.5, 0.25)), Sample((2.0, 2.0, 1.5))


def test_faster_is_a_ratio_above_one():
    assert Row("x", FAST, "theirs", SLOW).ratio.value == 4.0
    assert Row("x", SLOW, "theirs", FAST).ratio.value == 0.25


def test_against_the_limit_the_ratio_is_of_time():
    row = Row("x", SLOW, "bare product", FAST, TIME)
    assert row.ratio.value == 4.0
    assert "4.00 × its time" in row.cells()


def test_a_table_shows_both_figures_and_what_was_extrapolated():
    result = Result(
        "a title",
        [
            Row("step", FAST, "documented", SLOW, note="from 3 steps"),
            Row("images", FAST, "eager", SLOW, amount=10, unit="images"),
        ],
        [Figure("memory", 61.5, "MB")],
        ["without PyTorch: it is not installed"],
    )

    text = result.text()

    step, images = (line for line in text.splitlines() if line.startswith(("step ", "images ")))
    assert step.split() == "step 500 ms documented 2.00 s 4.00 × 4.00 … 6.00".split()
    assert "20.0 images/s" in images and "5.00 images/s" in images
    assert "memory: 61.5 MB" in text
    assert "note: step, documented: from 3 steps" in text
    assert "note: without PyTorch" in text


def test_there_is_a_row_for_each_reference_and_a_limit_is_one_of_time():
    rows = compared("x", FAST, {"theirs": SLOW, "bare products": SLOW}, note="n")

    assert [(row.reference, row.kind, row.note) for row in rows] == [
        ("theirs", SPEED, "n"),
        ("bare products", TIME, "n"),
    ]


def test_our_side_alone_has_its_seconds_and_no_ratio():
    result = Result("a title", compared("x", FAST, {}, note="a note"))

    assert "x     500 ms" in result.text() and "note: x: a note" in result.text()
    (row,) = json.loads(json.dumps(result.to_dict()))["rows"]
    assert row["ours"]["rounds"] == [0.5, 0.5, 0.25]
    assert row["reference"] is row["theirs"] is row["ratio"] is None


def test_what_was_skipped_says_why():
    assert Result("a title", skipped="no faiss").text() == "a title\n\nskipped: no faiss"


def test_json_holds_every_round():
    entry = json.loads(json.dumps(Result("t", [Row("x", FAST, "y", SLOW)]).to_dict()))

    (row,) = entry["rows"]
    assert row["ours"] == {
        "median": 0.5,
        "lowest": 0.25,
        "highest": 0.5,
        "rounds": [0.5, 0.5, 0.25],
    }
    assert row["ratio"] == {"value": 4.0, "lowest": 4.0, "highest": 6.0}


@pytest.mark.parametrize(
    "seconds, text",
    [
        (0.00005, "0.0500 ms"),
        (0.25, "250 ms"),
        (119, "119 s"),
        (120, "2.00 min"),
        (7200, "2.00 h"),
        (100_000, "27.8 h"),
    ],
)
def test_durations_come_in_the_unit_that_suits_them(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    "value, text",
    [(1.0, "1.00"), (99.9, "99.9"), (12_345, "12,345"), (3.2e-7, "3.2e-07"), (0, "0")],
)
def test_numbers_have_three_digits_that_count(value, text):
    assert short(value) == text
