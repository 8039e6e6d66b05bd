"""A side in a process of its own."""

import sys
import time

import numpy as np
import pytest

from benchmarks.processes import Process, environment

SIZES = dict(images=20, embed_size=8)


def test_a_side_is_asked_over_and_over():
    with (
        Process("benchmarks.ranks:Ours", SIZES, threads=1) as ours,
        Process("benchmarks.ranks:Documented", SIZES, threads=1) as theirs,
    ):
        assert ours.run() > 0 and theirs.run() > 0
        assert ours.answer["result"] == theirs.answer["result"]
        assert ours.peak() >= 0


class Holding:
    """Holds so many MB for a moment."""

    def run(self, megabytes):
        return int(np.ones(megabytes * 250_000, np.float32).sum())


class Failing:
    """Prints, then fails."""

    def run(self):
        print("not an answer")
        raise ValueError("a reason")


class Ending:
    """Ends without an answer, as a process that is killed does."""

    def run(self):
        print("the last words", flush=True)
        import os

        os._exit(3)


class Sleeping:
    """Is at work for a long time."""

    def run(self):
        time.sleep(600)


class Importing:
    def __init__(self, name):
        __import__(name)


@pytest.fixture
def here(monkeypatch):
    """Make the classes of this file measurable."""
    import pathlib

    monkeypatch.setenv("PYTHONPATH", str(pathlib.Path(__file__).parent))
    return lambda target, **settings: Process(f"test_processes:{target}", settings, threads=1)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere memory is known less exactly")
def test_peak_memory_is_that_of_the_repetition(here):
    with here("Holding") as side:
        assert side.peak(megabytes=100) == pytest.approx(100e6, rel=0.1)
        assert side.peak(megabytes=30) == pytest.approx(30e6, rel=0.2)


def test_a_failure_brings_its_traceback(here):
    with here("Failing") as side:
        with pytest.raises(RuntimeError, match="(?s)Failing failed.*a reason"):
            side.run()


def test_a_process_that_ends_leaves_its_last_words(here):
    with here("Ending") as side:
        with pytest.raises(RuntimeError, match="ended with status 3: the last words"):
            side.run()


def test_a_module_that_is_missing_is_named(here):
    with pytest.raises(ModuleNotFoundError) as caught:
        here("Importing", name="no_such_module")

    assert caught.value.name == "no_such_module"


def test_an_interruption_does_not_wait_for_the_side(here):
    def interrupted():
        time.sleep(0.2)
        side._process.send_signal(0)  # it is at work
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        with here("Sleeping") as side:
            side._process.stdin.write("{}\n")
            side._process.stdin.flush()
            interrupted()

    assert side._process.returncode is not None


def test_each_side_has_the_threads_that_suit_its_library():
    assert environment(2)["OMP_NUM_THREADS"] == "1"  # Paddle's would fight MKL's
    assert environment(2, "torch")["OMP_NUM_THREADS"] == "2"
    assert environment(2, "plain")["MKL_NUM_THREADS"] == "1"
    assert environment(2)["MKL_NUM_THREADS"] == environment(2)["OPENBLAS_NUM_THREADS"] == "2"
