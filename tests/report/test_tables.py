import numpy as np
import pytest

from vsepp.report.tables import display_width, format_table, metrics_table

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
