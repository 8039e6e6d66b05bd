"""Ctrl-C and SIGTERM at any moment of every tool: a word, a status, nothing left running or half.

A stopped tool says "Interrupted.", "Terminated." or how to go on, ends with status 130 or 143 and
without a traceback, and leaves neither processes nor temporary files; run again, it ends with the
files of one that was not stopped.
"""

import random
import shutil
import signal

import pytest
from faults.forking import find
from faults.tools_killed import Signals, strays

from vsepp import InputError

CTRL_C = Signals((signal.SIGINT,))
TWICE = Signals((signal.SIGINT, signal.SIGINT))
TERMINATED = Signals((signal.SIGTERM,), whole_group=False)
ALL_TERMINATED = Signals((signal.SIGTERM,))
KINDS = {
    "Ctrl-C": CTRL_C,
    "Ctrl-C twice": TWICE,
    "SIGTERM": TERMINATED,
    "SIGTERM to all": ALL_TERMINATED,
}
WORDS = {signal.SIGINT: (130, "Interrupted."), signal.SIGTERM: (143, "Terminated.")}

LOOP = "vsepp.training.loop:"
TASK = "vsepp.training.retrieval:"
LISTENER = "vsepp.report.training_listener:"
PREPARATION = [("vsepp.data.preparation:_problem", 5), ("vsepp.data.preparation:write_dataset", 1)]
TRAINING = [
    ("vsepp.training.dataset_task:open_splits", 1),
    (TASK + "build_model", 1),
    (TASK + "training_loader*", 1),
    (LOOP + "TrainingStep.__call__", 1),
    (LOOP + "TrainingStep.__call__*", 4),
    (LOOP + "TrainingStep.__call__", 7),
    (TASK + "encode_dataset", 1),
    (LISTENER + "show_queries", 1),
    ("vsepp.training.saving:save_checkpoint", 2),
    ("vsepp.system.tensor_files:write_bytes", 3),
    (LOOP + "Trainer._test_best", 1),
    (LISTENER + "show_space", 1),
    (LISTENER + "draw_curves", 1),
]
OPENING = [("vsepp.retrieval.model:RetrievalModel.__init__", 1)]
MOMENTS = {
    "sample": [("vsepp.data.sample:draw_picture", 9), *PREPARATION],
    "prepare": [("vsepp.data.sources.archives:Archive._open", 7), *PREPARATION],
    "download": [
        ("vsepp.data.sources.download:_fetch", 1),
        ("vsepp.data.sources.download:_write", 1),
        ("vsepp.data.sources.download:_write*", 1),
        *PREPARATION,
    ],
    "prepare anew": PREPARATION,
    "features": [
        ("vsepp.models.feature_extraction:fingerprint", 1),
        ("vsepp.models.twins.predictor:BackbonePredictor.__call__", 1),
        ("vsepp.models.twins.predictor:BackbonePredictor.__call__*", 2),
        ("vsepp.data.stored.features:FeatureStore.write*", 2),
    ],
    "train": TRAINING,
    "train on photographs": TRAINING,
    "train in workers": [
        *TRAINING,
        ("vsepp.data.batch_loader:_raising", 1),
        ("vsepp.data.batch_loader:_raising*", 1),
    ],
    "eval": [*OPENING, ("vsepp.retrieval.gallery:_encode", 1), ("vsepp.cli.eval:open_model*", 1)],
    "report": [
        *OPENING,
        ("vsepp.retrieval.gallery:_encode", 1),
        ("vsepp.report.evaluation_page:_map", 1),
    ],
    "infer": [
        *OPENING,
        ("vsepp.retrieval.model:RetrievalModel.encode_text", 1),
        ("vsepp.report.pictures:save_picture", 1),
    ],
    "query": [
        *OPENING,
        ("vsepp.retrieval.model:RetrievalModel.encode_text", 1),
        ("vsepp.report.search_page:save_search_page", 1),
    ],
    "index": [
        *OPENING,
        ("vsepp.retrieval.model:RetrievalModel.encode_pixels", 2),
        ("vsepp.index.updating:_Update._finish", 1),
    ],
    "convert": [
        ("vsepp.convert.pdparams:load_checkpoint", 1),
        ("vsepp.convert.pdparams:load_checkpoint*", 1),
    ],
    "convert backbone": [("vsepp.convert.backbone:write_tensors", 1)],
}
QUICK = [("download", 1, "SIGTERM")]


def faults(ended, signals):
    """What is wrong with how a stopped run ended: a list of sentences."""
    status, word = WORDS[signals.numbers[0]]
    found = []
    # At its very end Python has put its handlers away: a second signal then ends the process.
    late = [-number for number in signals.numbers[1:]]
    if ended.status not in (status, *late):
        found.append(f"its status is {ended.status}, not {status}")
    if "Traceback" in ended.output or "Exception ignored" in ended.output:
        found.append("it shows a traceback")
    if word not in ended.output.splitlines() and "stopped " not in ended.output:
        found.append(f"it does not say {word}")
    if ended.left:
        found.append(f"it leaves processes: {ended.left}")
    if ended.stopping is not None and ended.stopping > 30:  # it hangs
        found.append(f"it took {ended.stopping:.1f} s")
    return found


def check(case, tools, folder, expected, signals, **options):
    """Stop a run and run it again; returns (what is wrong, how the first ended, or None where
    the signal found nothing to stop)."""
    case.begin(folder)
    ended = tools.run(folder, case.tool, *case.arguments(folder), signals=signals, **options)
    stopped = not (options and _was_over(ended, signals, case, folder, expected))
    wrong = faults(ended, signals) if stopped else []
    left = [name for name in strays(folder) if name.endswith((".writing", ".lock"))]
    if left:
        wrong.append(f"it leaves {left}")
    if wrong:
        wrong.append(ended.output[-2000:])
    again = tools.run(folder, case.tool, *case.arguments(folder))
    if again.status:
        wrong.append(f"the next run ends with {again.status}: {again.output[-2000:]}")
    else:
        found = case.result(folder)
        changed = sorted(
            name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name)
        )
        if changed:
            wrong.append(f"the next run's result differs: {changed[:5]}")
        if strays(folder):
            wrong.append(f"the next run leaves {strays(folder)}")
    shutil.rmtree(folder)
    return wrong, ended if stopped else None


def _was_over(ended, signals, case, folder, expected):
    """Whether a signal came before a tool's first or after its last deed, when it says nothing."""
    number = signals.numbers[0]
    status, word = WORDS[number]
    if ended.stopping is None or ended.status == 0:
        return True
    if ended.status not in (-number, status) or word in ended.output:
        return False
    try:
        return not ended.output or case.result(folder) == expected
    except InputError:  # there is no checkpoint yet
        return False


@pytest.mark.parametrize("name", MOMENTS)
def test_every_moment_comes(name):
    for place, _ in MOMENTS[name]:
        assert callable(find(place)[-1])


@pytest.mark.parametrize("name, moment, kind", QUICK)
def test_a_stopped_run_is_made_good_by_the_next(
    name, moment, kind, places, tools, undisturbed, tmp_path
):
    place, nth = MOMENTS[name][moment]
    expected = undisturbed(name, signals={}).result
    wrong, _ = check(
        places.case(name),
        tools,
        tmp_path / "run",
        expected,
        KINDS[kind]._replace(place=place, nth=nth),
    )
    assert wrong == [], "\n".join(wrong)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", MOMENTS)
def test_every_moment(name, kind, places, tools, undisturbed, tmp_path):
    """At each of the moments above, and at three that chance decides."""
    whole, expected, _ = undisturbed(name, signals={})
    chance = random.Random(f"{name} {kind}")
    case, all_wrong, stopped = places.case(name), {}, []
    moments = [(place, nth, {}) for place, nth in MOMENTS[name]]
    moments += [
        (None, 1, {"kill_after": chance.uniform(0.02, 1) * whole.seconds}) for _ in range(3)
    ]
    for place, nth, options in moments:
        signals = KINDS[kind]._replace(place=place, nth=nth, gap=chance.choice((0.01, 0.05, 0.2)))
        wrong, ended = check(case, tools, tmp_path / "run", expected, signals, **options)
        stopped += [ended] if ended else []
        if wrong:
            all_wrong[place, nth, signals.gap, str(options)] = wrong
    slowest = max((ended.stopping or 0 for ended in stopped), default=0)
    work = max((ended.work or 0 for ended in stopped), default=0)
    print(
        f"\n{name}, {kind}: {len(stopped)} of {len(moments)} stopped, {len(all_wrong)} with "
        f"faults; the slowest took {slowest:.2f} s, of which it computed at most {work:.2f} s"
    )
    assert not all_wrong, "\n\n".join(
        f"{key}:\n" + "\n".join(value) for key, value in all_wrong.items()
    )
