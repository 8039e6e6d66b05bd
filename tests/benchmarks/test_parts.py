"""Every part runs, at sizes at which its figures mean nothing; the sides are in this process."""

import pytest

from benchmarks import parts, worker
from benchmarks.bench import Bench
from benchmarks.processes import Missing
from vsepp.system.errors import InputError


class Side:
    """What ``Process`` is, without a process."""

    def __init__(self, target, settings):
        self.task, answer = worker.begin({"target": target, "settings": settings, "threads": 1000})
        self.info = answer["info"]

    def run(self, **arguments):
        self.answer = worker.repeat(self.task, {"arguments": arguments})
        return self.answer["seconds"]

    def peak(self, **arguments):
        self.run(**arguments)
        return 1

    resident = peak

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


class NearBench(Bench):
    """A bench with all sides in this process."""

    def open(self, target, library="paddle", **settings):
        if library in self.pythons and self.pythons[library] is None:
            raise Missing(f"{library} is not installed")
        return Side(f"benchmarks.{target}", settings)


@pytest.fixture
def bench():
    with NearBench(threads=1, rounds=1, pause=0.0) as bench:
        bench.pythons = {"torch": None, "faiss": None}
        yield bench


@pytest.mark.parametrize("name", parts.PARTS)
def test_every_part_runs(name, bench):
    result = parts.measure(name, bench, smoke=True)

    assert result.rows and all(row.ratio.value > 0 for row in result.rows)
    assert result.title.startswith(parts.titles()[name])
    assert result.text() and result.to_dict()


@pytest.mark.parametrize("name", parts.PARTS)
def test_every_part_runs_with_our_side_alone(name, bench, monkeypatch):
    opened = []
    monkeypatch.setattr(bench, "ours_alone", True)
    monkeypatch.setattr(
        bench,
        "open",
        lambda target, *rest, **settings: (
            opened.append(target) or NearBench.open(bench, target, *rest, **settings)
        ),
    )

    result = parts.measure(name, bench, smoke=True)

    assert opened and {target.partition(":")[2] for target in opened} == {"Ours"}
    assert all(row.ours.median > 0 for row in result.rows)
    assert len({row.what for row in result.rows}) == len(result.rows) > 0
    assert {row.reference for row in result.rows} <= {None, "whole batch"}  # both ways are ours
    assert result.text() and result.to_dict()


def test_without_pytorch_the_step_says_so(bench):
    result = parts.measure("step", bench, smoke=True)

    assert "without PyTorch, packed GRU: torch is not installed" in result.notes
    assert {row.reference for row in result.rows} == {
        "documented",
        "documented, one thread",
        "bare products",
    }


def test_a_soak_measures_the_step_twice(bench):
    bench.soak = 1e-4
    whats = {row.what for row in parts.measure("step", bench, smoke=True).rows}

    assert whats == {"step", "step after 0.0001 minutes of training"}


def test_wrong_ranks_are_not_measured(bench, monkeypatch):
    monkeypatch.setattr("benchmarks.documented_ranks.image_ranks", lambda *_: [10**6])

    with pytest.raises(RuntimeError, match="our ranks add up to"):
        parts.measure("ranks", bench, smoke=True)


def test_parts_keep_their_order_and_all_is_the_default():
    assert parts.choose(["ranks", "step", "ranks"]) == ["step", "ranks"]
    assert parts.choose([]) == list(parts.PARTS)


@pytest.mark.parametrize(
    "name, nearest", [("rank", "ranks"), ("answer", "answers"), ("micro_batch", "micro-batch")]
)
def test_an_unknown_part_is_refused_with_the_nearest(name, nearest):
    with pytest.raises(InputError, match=f"no part '{name}'; the nearest is '{nearest}'"):
        parts.choose(["step", name])


def test_other_interpreters_are_tried_before_they_are_used(tmp_path):
    with pytest.raises(InputError, match="--torch-python: .*nothing cannot be run"):
        Bench(1, str(tmp_path / "nothing"))

    silent = tmp_path / "silent"
    silent.write_text("#!/bin/sh\nexit 1\n")
    silent.chmod(0o755)
    with pytest.raises(InputError, match="cannot import PyTorch and NumPy"):
        Bench(1, str(silent))
