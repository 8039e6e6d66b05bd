import numpy as np
import pytest

from vsepp.report.tables import (
    comparison_table,
    display_width,
    format_table,
    metrics_table,
    summary_table,
)

RESULT = {
    "dataset": "flickr8k",
    "split": "test",
    "images": 1000,
    "captions": 5000,
    "protocol": "1,000 images, all candidates",
    "checkpoint": "model/vsepp/best_flickr8k.ckpt",
    "i2t": {"R@1": 33.44, "R@5": 60, "R@10": 72.1, "Med r": 3.0, "Mean r": 18.23, "mAP@R": 23.41},
    "t2i": {"R@1": 23.4, "R@5": 50.0, "R@10": 62.1, "Med r": 6, "Mean r": 38.2, "mAP@R": 33.45},
    "rsum": 301.04,
}


def test_columns_of_numbers_stand_right_and_words_left():
    table = format_table([["dog", 3], ["elephant", 12]], ["word", "count"])

    assert table.splitlines() == [
        "word      count",
        "--------  -----",
        "dog           3",
        "elephant     12",
    ]


def test_wide_characters_take_two_columns_so_that_the_next_column_lines_up():
    lines = format_table([["小狗", "x"], ["dog", "y"]], ["word", "mark"]).splitlines()

    starts = [display_width(line[: line.index(mark)]) for line, mark in zip(lines[2:], "xy")]
    assert starts == [6, 6]


def test_combining_marks_take_no_column():
    assert display_width("cafe\u0301") == display_width("café") == 4


def test_alignment_can_be_chosen():
    lines = format_table([["a", "b", "c"]], ["left", "right", "mid"], "lrc").splitlines()

    assert lines[2] == "a         b   c"


def test_floats_have_two_decimals_and_missing_cells_a_dash():
    lines = format_table([[np.float32(1.239)], [None], ["two\nlines"]], ["value"]).splitlines()

    assert lines[2:] == ["1.24", "–", "two lines"]


def test_a_table_without_rows_keeps_its_headers():
    assert format_table([], ["word", "count"]).splitlines()[0] == "word  count"


@pytest.mark.parametrize("row, aligns", [(["a"], None), (["a", "b"], "l"), (["a", "b"], "lx")])
def test_rows_and_alignments_must_match_the_headers(row, aligns):
    with pytest.raises(ValueError, match="headers|aligns"):
        format_table([row], ["one", "two"], aligns)


def test_metrics_name_what_was_measured_and_how():
    heading = metrics_table(RESULT).splitlines()[0]

    for part in ("flickr8k", "test", "1,000 images", "5,000 sentences", "all candidates"):
        assert part in heading
    assert "model/vsepp/best_flickr8k.ckpt" in metrics_table(RESULT)


def test_metrics_have_a_row_per_direction_and_rsum_last():
    lines = metrics_table(RESULT).splitlines()

    forward = next(line for line in lines if line.startswith("image → sentence"))
    backward = next(line for line in lines if line.startswith("sentence → image"))
    assert forward.split()[3:] == ["33.4", "60.0", "72.1", "3", "18.2", "23.4"]
    assert backward.split()[3:] == ["23.4", "50.0", "62.1", "6", "38.2", "33.5"]
    assert lines[-1] == "rsum 301.0"


def test_metrics_left_out_are_dashes_and_further_ones_get_a_column():
    forward = {"R@1": 50.0, "Med r": 1.4, "R@50": 90.0}
    result = {**RESULT, "checkpoint": None, "i2t": forward, "t2i": {"R@1": 40.0}}

    lines = metrics_table(result).splitlines()

    header = next(line for line in lines if "R@1" in line)
    assert header.split() == ["R@1", "Med", "r", "R@50"]
    assert lines[-4].split()[3:] == ["50.0", "1.4", "90.0"]
    assert lines[-3].split()[3:] == ["40.0", "–", "–"]
    assert "Checkpoint" not in "\n".join(lines)


def test_intervals_stand_below_their_scores_in_the_same_columns():
    bounds = {
        "R@1": [30.51, 36.4],
        "R@5": [57.0, 63.0],
        "R@10": [69.3, 74.8],
        "Med r": [2.0, 4.5],
        "Mean r": [15.0, 21.5],
    }
    result = {**RESULT, "intervals": {"i2t": bounds, "t2i": bounds, "rsum": [290.0, 311.96]}}

    lines = metrics_table(result).splitlines()

    place = next(k for k, line in enumerate(lines) if line.startswith("image → sentence"))
    assert lines[place + 1].split() == [
        "95",
        "%",
        "interval",
        "[30.5,",
        "36.4]",
        "[57.0,",
        "63.0]",
        "[69.3,",
        "74.8]",
        "[2,",
        "4.5]",
        "[15.0,",
        "21.5]",
        "–",
    ]
    assert lines[place].index("33.4") + 4 == lines[place + 1].index("36.4]") + 5
    assert lines[-1] == "rsum 301.0  95 % interval [290.0, 312.0]"


def test_the_authors_median_is_for_the_json_only():
    result = {**RESULT, "i2t": {**RESULT["i2t"], "Med r (authors)": 4}}

    assert "authors" not in metrics_table(result)


def test_all_checkpoints_of_an_ensemble_are_named():
    lines = metrics_table({**RESULT, "ensemble": ["a.ckpt", "b.ckpt"]}).splitlines()

    assert lines[1] == "Ensemble, mean of similarities: a.ckpt, b.ckpt"


def test_differences_carry_their_sign():
    cells = {
        name: {"difference": value, "interval": [value - 1, value + 1]}
        for name, value in (("R@1", 1.24), ("R@5", -0.5), ("R@10", -0.01))
    }
    rsum = {"difference": 3.0, "interval": [-2.0, 8.04]}

    lines = comparison_table({"i2t": cells, "t2i": cells, "rsum": rsum}, "b.ckpt").splitlines()

    assert "b.ckpt" in lines[0]
    assert lines[4].split()[3:] == ["+1.2", "-0.5", "0.0"]
    assert lines[5].split()[3:] == ["[+0.2,", "+2.2]", "[-1.5,", "+0.5]", "[-1.0,", "+1.0]"]
    assert lines[-1] == "rsum +3.0  95 % interval [-2.0, +8.0]"


def test_a_summary_gives_mean_and_spread():
    cell = {"mean": 33.44, "std": 0.561}
    way = {"R@1": cell, "Med r": {"mean": 3.5, "std": 0.70711}, "Med r (authors)": cell}
    summary = {**RESULT, "runs": 3, "i2t": way, "t2i": {"R@1": cell}, "rsum": cell}

    lines = summary_table(summary).splitlines()

    assert "1,000 images, all candidates" in lines[0] and "3 runs" in lines[1]
    assert lines[5].split()[3:] == ["33.4", "±", "0.6", "3.5", "±", "0.7"]
    assert lines[6].split()[3:] == ["33.4", "±", "0.6", "–"]
    assert lines[-1] == "rsum 33.4 ± 0.6"
