from pathlib import Path

import numpy as np
import pytest

from vsepp.checkpoint import save_checkpoint
from vsepp.report.run_history import find_history

HISTORY = [
    {"step": 1, "epoch": 1, "loss": 3.0, "lr": 0.1},
    {"step": 2, "rsum": 50.5},
    {"step": 4, "rsum": 40.0},
]


def write(path, step, rsum=None, history=None, score="rsum"):
    more = {} if history is None else {"position": {"history": history}}
    save_checkpoint(
        path,
        {"w": np.zeros(1)},
        {},
        {},
        1,
        step,
        metrics=None if rsum is None else {"BLEU-4": 9.0, score: rsum},
        **more,
    )
    return path


def test_a_last_checkpoint_holds_its_own(tmp_path):
    last = write(tmp_path / "last.ckpt", 4, history=HISTORY)
    assert find_history(last, Path("nowhere/last.ckpt")) == HISTORY


@pytest.mark.parametrize("folder", ["", "elsewhere"])
def test_the_best_finds_the_last_of_its_run(tmp_path, folder):
    best = write(tmp_path / "best.ckpt", 2, 50.5)
    write(tmp_path / folder / "last.ckpt", 4, history=HISTORY)
    assert find_history(best, tmp_path / folder / "last.ckpt") == HISTORY


def test_a_captioners_best_finds_its_run_by_cider(tmp_path):
    history = [{"step": 2, "BLEU-4": 9.0, "CIDEr-D": 50.5}]
    best = write(tmp_path / "best.ckpt", 2, 50.5, score="CIDEr-D")
    write(tmp_path / "last.ckpt", 4, history=HISTORY)
    assert find_history(best, tmp_path / "last.ckpt") is None
    write(tmp_path / "last.ckpt", 4, history=history)
    assert find_history(best, tmp_path / "last.ckpt") == history


def test_a_run_that_was_moved_aside_is_found(tmp_path):
    best = write(tmp_path / "best.ckpt.1", 2, 50.5)
    write(tmp_path / "last.ckpt", 9, history=[{"step": 2, "rsum": 70.0}])
    write(tmp_path / "last.ckpt.1", 4, history=HISTORY)
    assert find_history(best, tmp_path / "last.ckpt") == HISTORY


@pytest.mark.parametrize("step, rsum", [(2, 50.4), (4, 50.5), (2, None), (3, 50.5)])
def test_another_run_is_not_taken_for_it(tmp_path, step, rsum):
    best = write(tmp_path / "best.ckpt", step, rsum)
    write(tmp_path / "last.ckpt", 4, history=HISTORY)
    assert find_history(best, tmp_path / "last.ckpt") is None


@pytest.mark.parametrize("history", [[], {}, [1], [{"loss": 1}], [{"step": 2, "rsum": "50.5"}]])
def test_what_is_no_history_is_left_alone(tmp_path, history):
    best = write(tmp_path / "best.ckpt", 2, 50.5)
    write(tmp_path / "last.ckpt", 4, history=history)
    assert find_history(best, tmp_path / "last.ckpt") is None


def test_a_damaged_last_checkpoint_is_left_alone(tmp_path):
    best = write(tmp_path / "best.ckpt", 2, 50.5)
    (tmp_path / "last.ckpt").write_bytes(b"nothing")
    assert find_history(best, tmp_path / "last.ckpt") is None
