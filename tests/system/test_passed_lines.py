"""Of what is written past Python, some lines are left out."""

import os
import sys

import pytest

from vsepp.system.passed_lines import without_lines


def test_lines_with_the_text_are_left_out_and_others_follow(capfd, monkeypatch):
    monkeypatch.setattr(sys, "stderr", open(2, "w", closefd=False))  # pytest's own passes it by
    with without_lines("of no use"):
        os.write(2, b"W1 something of no use!\nW2 something else\n")
        print("by Python", file=sys.stderr)
    os.write(2, b"something of no use, later\n")

    expected = "W2 something else\nby Python\nsomething of no use, later\n"
    assert capfd.readouterr().err == expected


def test_what_went_wrong_is_not_lost(capfd):
    with pytest.raises(ValueError, match="broken"), without_lines("of no use"):
        os.write(2, b"the reason\n")
        raise ValueError("broken")

    assert capfd.readouterr().err == "the reason\n"


def test_without_standard_error_nothing_is_done(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)

    with without_lines("of no use"):
        done = True

    assert done
