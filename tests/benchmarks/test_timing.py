"""Alternation and medians, on a clock that does not run by itself."""

import pytest

from benchmarks.timing import Ratio, Sample, alternate, ratio


class Clock:
    """Sides that take as long as they are told, and a record of what happened."""

    def __init__(self):
        self.events = []

    def side(self, name, *seconds):
        taken = iter(seconds)

        def run():
            self.events.append(name)
            return next(taken)

        return run

    def sleep(self, seconds):
        self.events.append(seconds)


def test_sides_run_in_turn_and_the_warm_up_does_not_count():
    clock = Clock()
    advanced = []

    found = alternate(
        {"a": clock.side("a", 100, 1, 2), "b": clock.side("b", 200, 3, 5)},
        rounds=2,
        warm=1,
        pause=0.5,
        advance=lambda: advanced.append(1),
        sleep=clock.sleep,
    )

    assert clock.events == [0.5, "a", 0.5, "b"] * 3
    assert found == {"a": Sample((1, 2)), "b": Sample((3, 5))}
    assert len(advanced) == 6


def test_without_a_warm_up_every_round_counts():
    clock = Clock()
    assert alternate({"a": clock.side("a", 4)}, 1, warm=0, sleep=clock.sleep)["a"].median == 4


def test_one_disturbed_round_moves_the_bounds_and_not_the_ratio():
    slow, fast = Sample((4.0, 4.0, 400.0)), Sample((2.0, 2.0, 2.0))

    assert ratio(slow, fast) == Ratio(2.0, 2.0, 200.0)


def test_what_is_extrapolated_scales_every_round():
    assert Sample((1.0, 2.0)).scaled(10) == Sample((10.0, 20.0))
    assert Sample((1.0, 2.0)).added(Sample((3.0, 5.0))) == Sample((4.0, 7.0))


def test_a_side_that_fails_ends_the_comparison():
    with pytest.raises(StopIteration):
        alternate({"a": Clock().side("a", 1)}, 2, sleep=lambda _: None)
