"""A tool that is killed at any moment, and run again, leaves what an undisturbed one leaves.

Half of the kills are at a call that changes what is on the disk, before it or right after it;
half at a moment that chance decides.
"""

import random
import shutil
import signal

import pytest
from faults.tools_killed import strays

CASES = (
    "prepare",
    "download",
    "prepare anew",
    "features",
    "train",
    "index",
    "caption",
    "convert",
    "convert backbone",
)


def kill(number, whole, chance):
    """Where the ``number``-th run is killed: options of ``Tools.run``."""
    if number % 2:
        return {"kill_after": chance.uniform(0.02, 1) * whole.seconds}
    return {"kill_at": chance.randint(1, whole.writes) + chance.choice((0, 0.5))}


def check(case, tools, folder, whole, expected, where):
    """Kill a run and run it again; returns whether it was killed before its end."""
    case.begin(folder)
    killed = tools.run(folder, case.tool, *case.arguments(folder), **where)
    assert killed.status in (-signal.SIGKILL, 0), killed.output
    again = tools.run(folder, case.tool, *case.arguments(folder))
    assert again.status == 0, (where, again.output)
    found = case.result(folder)
    assert found.keys() == expected.keys(), where
    assert [name for name in expected if found[name] != expected[name]] == [], where
    assert strays(folder) == [], where
    shutil.rmtree(folder)
    return killed.status != 0


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name, marks=[pytest.mark.slow] if name in ("train", "index", "features") else []
        )
        for name in CASES
    ],
)
def test_a_killed_run_is_made_good_by_the_next(name, places, tools, undisturbed, tmp_path):
    (whole, expected, _), chance = undisturbed(name), random.Random(name)
    check(places.case(name), tools, tmp_path / "run", whole, expected, kill(0, whole, chance))


@pytest.mark.slow
@pytest.mark.parametrize("name", (*CASES, "train on views", "train a captioner"))
def test_fifty_killed_runs_are_made_good_by_the_next(name, places, tools, undisturbed, tmp_path):
    (whole, expected, _), chance = undisturbed(name), random.Random(f"{name} fifty")
    killed = runs = 0
    while killed < 50:
        killed += check(
            places.case(name), tools, tmp_path / "run", whole, expected, kill(runs, whole, chance)
        )
        runs += 1
        assert runs < 150
    print(f"{name}: {killed} of {killed} kills made good, in {runs} runs")
