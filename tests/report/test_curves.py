import math
import sys

import pytest
from PIL import Image

from vsepp.report.curves import draw_curves, training_figure


def validation(step, rsum):
    recalls = {f"r{k}_{way}": k * 2.0 for k in (1, 5, 10) for way in ("i2t", "t2i")}
    return {"step": step, "rsum": rsum, **recalls}


def training(step, loss, lr=2e-4):
    return {"step": step, "epoch": 0, "loss": loss, "lr": lr}


def panels(history):
    """{start of the title: axes} of the figure."""
    axes = training_figure(history).axes
    return {axis.get_title(loc="left").split(",")[0]: axis for axis in axes}


def points(axis, line=0):
    return [(float(x), float(y)) for x, y in axis.lines[line].get_xydata()]


def test_curves_are_written_as_one_png_whatever_the_name(tmp_path):
    path = tmp_path / "run" / "curves.picture"

    draw_curves([training(1, 6.4), validation(1, 40.0)], path)

    with Image.open(path) as image:
        assert image.format == "PNG" and image.width > 1000
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_every_quantity_has_its_panel():
    found = panels([training(10, 6.4), training(20, 3.2, lr=1e-4), validation(20, 72.0)])

    assert points(found["Training loss"]) == [(10, 6.4), (20, 3.2)]
    assert points(found["Learning rate"]) == [(10, 2e-4), (20, 1e-4)]
    assert points(found["rsum"]) == [(20, 72.0)]
    for direction in ("Image → sentence", "Sentence → image"):
        recalls = {line.get_label(): line.get_ydata()[0] for line in found[direction].lines}
        assert recalls == {"R@1": 2.0, "R@5": 10.0, "R@10": 20.0}


def test_a_captioners_scores_have_their_panels():
    scores = {"BLEU-1": 60.0, "BLEU-2": 40.0, "BLEU-3": 30.0, "BLEU-4": 20.0, "ROUGE-L": 45.0}
    history = [
        training(10, 4.0),
        {"step": 10, **scores, "CIDEr-D": 50.0},
        {"step": 20, **scores, "BLEU-4": 21.0, "CIDEr-D": 48.0},
    ]

    found = panels(history)

    bleu = {line.get_label(): line.get_ydata()[-1] for line in found["BLEU in %"].lines}
    assert bleu == {"BLEU-1": 60.0, "BLEU-2": 40.0, "BLEU-3": 30.0, "BLEU-4": 21.0}
    assert points(found["ROUGE-L in %"]) == [(10, 45.0), (20, 45.0)]
    assert points(found["CIDEr-D"]) == [(10, 50.0), (20, 48.0)]
    assert "best 50.0 at step 10" in found["CIDEr-D"].get_title(loc="left")


def test_scores_of_nought_or_nothing_do_not_stop_the_picture():
    rows = [{"step": 1, "BLEU-1": 0.0, "BLEU-4": math.nan, "CIDEr-D": 0.0}]

    assert points(panels(rows)["CIDEr-D"]) == [(1, 0.0)]


def test_the_best_rsum_is_named():
    axis = panels([validation(1, 50.0), validation(2, 90.5), validation(3, 70.0)])["rsum"]

    assert "best 90.5 at step 2" in axis.get_title(loc="left")


def test_steps_that_a_resume_repeats_count_once_with_the_later_value():
    history = [training(1, 9.0), training(2, 8.0), training(3, 7.0), training(2, 5.0)]

    assert points(panels(history)["Training loss"]) == [(1, 9.0), (2, 5.0), (3, 7.0)]


def test_a_long_run_also_gets_a_running_mean():
    history = [training(step, 4.0 + step % 2) for step in range(1, 101)]

    axis = panels(history)["Training loss"]

    assert points(axis, 1)[-1][1] == pytest.approx(4.5, abs=0.2)


def test_losses_that_are_not_numbers_do_not_stop_the_picture(tmp_path):
    history = [training(step, math.nan if step % 7 == 0 else 4.0) for step in range(1, 90)]

    draw_curves([*history, validation(89, math.nan)], tmp_path / "curves.png")

    assert (tmp_path / "curves.png").stat().st_size > 0
    smooth = points(panels(history)["Training loss"], 1)
    assert {value for _, value in smooth} == {4.0}


def test_the_loss_of_rewards_is_seen_below_nought():
    axis = panels([training(1, 0.02), training(2, -0.04)])["Training loss"]

    assert axis.get_ylim()[0] < -0.04
    assert panels([training(1, 0.02), training(2, math.nan)])["Training loss"].get_ylim()[0] == 0


def test_an_empty_history_says_so_in_every_panel():
    figure = training_figure([])

    assert [axis.texts[0].get_text() for axis in figure.axes] == ["nothing yet"] * 5


def test_no_window_system_is_asked_for(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)  # importing it would raise

    draw_curves([training(1, 6.4)], tmp_path / "curves.png")

    with Image.open(tmp_path / "curves.png") as image:
        assert image.format == "PNG"
