"""The same seed gives the same bits, however often a run was stopped, in any number of workers.

Compared are both checkpoints (weights, optimizer, position, the loss of every step, metrics,
vocabulary, configuration), stored features or decoded images, and every line of the logs that
says a loss or a score. What may differ: which checkpoint a run went on from, its number of
workers, and how long things took.
"""

import itertools
import re
import shutil
import signal
from typing import NamedTuple

import pytest
from faults.cases import Train
from faults.tools_killed import Signals, strays

STEPS = 7  # of an epoch; there are two, with a validation after every third step
SEEDS = (0, 1, 7)
WORKERS = (0, 1, 2, 4)
MODES = {
    "features": {},
    "features by length": {"batch_by_length": True},
    "features and views": {"feature_views": 2},
    "photographs": {"finetuned": True},
    "photographs, all options": {
        "finetuned": True,
        "batch_by_length": True,
        "image_store": True,
        "micro_batch_size": 3,
    },
}


def _step(number, nth):
    return Signals((number,), "vsepp.training.loop:TrainingStep.__call__", nth)


# What happens to a run before it is let go on to its end: how each of its parts is ended.
STOPS = {
    "never stopped": (),
    "SIGTERM in an epoch": (_step(signal.SIGTERM, 5),),
    "Ctrl-C at an epoch's end": (_step(signal.SIGINT, STEPS),),
    "SIGKILL": (_step(signal.SIGKILL, STEPS + 4),),
    "SIGTERM in a validation": (
        Signals((signal.SIGTERM,), "vsepp.training.retrieval:encode_dataset", 2),
    ),
    "two stops": (_step(signal.SIGTERM, 2), _step(signal.SIGINT, 7)),
}


class Combination(NamedTuple):
    mode: str
    seed: int
    workers: int
    stops: str


QUICK = [Combination("photographs, all options", 1, 2, "two stops")]


def losses_and_scores(folder):
    """What the logs of a run's parts say of each step: ``{"epoch, step": words}``."""
    said, table = {}, ""
    for log in sorted((folder / "runs" / "tiny").glob("*/log.txt")):
        text = log.read_text(encoding="utf-8")
        for step, words in re.findall(r"(epoch \d+/\d+ step \d+/\d+) (loss \S+ lr \S+)", text):
            assert said.setdefault(step, words) == words, (log, step)
        for step, words in re.findall(r"(validation at step \d+): (.*) \(", text):
            assert said.setdefault(step, words) == words, (log, step)
        table = text.partition("on the test split:")[2]
    said["test"] = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ", "", table)
    return said


@pytest.fixture(scope="module")
def run(places, tools, tmp_path_factory):
    """Run a combination to its end: a function that returns what it left."""
    template = places.cases["train"].template

    def run(combination):
        case = Train(
            template, num_epochs=2, log_step=1, seed=combination.seed, **MODES[combination.mode]
        )
        folder = tmp_path_factory.mktemp("run") / "run"
        case.begin(folder)
        workers = combination.workers
        for signals in STOPS[combination.stops]:
            ended = tools.run(
                folder,
                "train",
                *case.arguments(folder, workers=workers),
                signals=signals,
                undrawn=True,
            )
            number = signals.numbers[0]
            assert ended.status == (-number if number == signal.SIGKILL else 128 + number), (
                combination,
                ended.output,
            )
            workers = (workers + 1) % 3 if combination.stops == "two stops" else workers
        ended = tools.run(folder, "train", *case.arguments(folder, workers=workers), undrawn=True)
        assert ended.status == 0, (combination, ended.output)
        assert strays(folder) == []
        result = {**case.result(folder), **losses_and_scores(folder)}
        shutil.rmtree(folder)
        return result

    return run


@pytest.fixture(scope="module")
def undisturbed(run):
    """The run of a mode and seed in one process that nothing stops."""
    runs = {}

    def get(mode, seed):
        if (mode, seed) not in runs:
            runs[mode, seed] = run(Combination(mode, seed, 0, "never stopped"))
            steps = [name for name in runs[mode, seed] if name.startswith("epoch ")]
            assert len(steps) == 2 * STEPS
        return runs[mode, seed]

    return get


def different(found, expected):
    """Names of what is not the same."""
    return sorted(
        name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name)
    )


@pytest.mark.slow
@pytest.mark.parametrize("combination", QUICK, ids=lambda each: each.mode)
def test_a_run_repeats_itself(combination, run, undisturbed):
    assert different(run(combination), undisturbed(combination.mode, combination.seed)) == []


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_every_seed_number_of_workers_and_stop(mode, run, undisturbed):
    combinations = [Combination(mode, *rest) for rest in itertools.product(SEEDS, WORKERS, STOPS)]
    unequal = {}
    for combination in combinations:
        changed = different(run(combination), undisturbed(mode, combination.seed))
        if changed:
            unequal[combination] = changed[:3]
    print(f"{mode}: {len(combinations) - len(unequal)} of {len(combinations)} runs equal")
    assert unequal == {}
