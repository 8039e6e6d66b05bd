"""Several processes train as one does: two quickly, more and longer with ``-m slow``."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from ranks import ROOT, course, draw_features, environments, farthest, finish
from tiny import make_config, make_data

from vsepp.checkpoint import load_checkpoint
from vsepp.cli.command import run
from vsepp.cli.train import main
from vsepp.data.samplers import EpochBatchSampler
from vsepp.training.stopping import StopRequest

GRID = dict(image_features="grid", resize=72, image_size=64)
KINDS = {
    "triplet": dict(mask_same_image=True),
    "npair": dict(loss="npair", mask_equal_captions=True, ema=0.9),
    "order": dict(measure="order", use_abs=True),
    "slices": dict(micro_batch_size=3),
    "captions": dict(
        caption_model="attention",
        cell_size=8,
        attention_size=8,
        decoder_size=8,
        batch_size=20,
        num_epochs=17,
        doubly_stochastic=0.5,
        label_smoothing=0.1,
        beam=2,
        **GRID,
    ),
}


def alike(one, many, count):
    """Whether ranks went the way of one process; returns how far their weights came away."""
    assert len(many) == count
    for rank in many:
        for name, value in one.items():
            if name.startswith(("batch/", "captions/")):
                np.testing.assert_array_equal(value, rank[name])
        for name, value in many[0].items():
            np.testing.assert_array_equal(value, rank[name])  # to the last bit
    assert farthest(one, many[0], "loss") < 2e-5  # sums of hinges that are nearly nothing late on
    assert farthest(one, many[0], "grad") < 2e-6  # what the rounding of codes is, 14 times over
    return farthest(one, many[0], "weight")


def test_two_ranks_train_and_compute_features_as_one_process_does(tmp_path, data):
    keys = dict(loss="npair", num_epochs=1)
    alone = course(1, make_config(data, tmp_path / "1", **keys), tmp_path / "1", 7)[0]
    shutil.copytree(data, tmp_path / "data", ignore=shutil.ignore_patterns("features"))
    config = make_config(tmp_path / "data", tmp_path / "2", **keys)
    assert alike(alone, course(2, config, tmp_path / "2", 7), 2) < 1e-5
    computed = list((tmp_path / "data").glob("tiny/features/*/*"))
    assert len(computed) == 6
    for path in computed:  # which took the batches of one process
        assert path.read_bytes() == (Path(data) / path.relative_to(tmp_path / "data")).read_bytes()
    assert len(list((tmp_path / "2" / "runs").glob("tiny/*/log.txt"))) == 1


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_fifty_steps_of_two_and_four_ranks_are_those_of_one_process(tmp_path, kind):
    make_data(tmp_path / "data")
    sizes = dict(batch_size=16, embed_size=32)  # rows enough for BLAS to treat a share alike
    keys = {**sizes, "num_epochs": 17, "evaluate_step": 20, **KINDS[kind]}

    def config(name):
        return make_config(tmp_path / "data", tmp_path / name, **keys)

    draw_features(config("1"))
    alone = course(1, config("1"), tmp_path / "1", 50)[0]
    for count in (2, 4):
        many = course(count, config(str(count)), tmp_path / str(count), 50)
        # of order, rounding decides on which side of zero a number is that passes it
        assert alike(alone, many, count) < (3e-5 if kind == "order" else 1e-5)


@pytest.mark.slow
def test_a_run_goes_on_with_any_number_of_ranks(tmp_path):
    make_data(tmp_path / "data")

    def config(name, epochs, **more):
        return make_config(
            tmp_path / "data", tmp_path / name, num_epochs=epochs, evaluate_step=20, **more
        )

    draw_features(config("whole", 9))
    whole = course(1, config("whole", 9), tmp_path / "whole", 50)[0]
    parts = {}
    for number, (count, epochs) in enumerate([(1, 3), (2, 6), (1, 9)]):
        more = dict(checkpoint="last") if number else {}
        ranks = course(count, config("parts", epochs, **more), tmp_path / "parts", 50)
        parts.update((name, value) for name, value in ranks[0].items() if "grad" not in name)
    whole = {name: value for name, value in whole.items() if "grad" not in name}
    assert parts.keys() == whole.keys()
    assert farthest(whole, parts, "weight") < 1e-5
    assert farthest(whole, parts, "loss") < 1e-5


# ---- what is refused, and what is agreed on --------------------------------------------------


@pytest.fixture
def launched(monkeypatch):
    """This process as the first of two."""
    ours = next(environments(2))
    for name, value in ours.items():
        if name.startswith("PADDLE_"):
            monkeypatch.setenv(name, value)


def test_seeds_are_refused_to_several_processes(launched, capsys):
    assert run(main, ["--seeds", "1", "2"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: --seeds trains one run after the other") and "seed=1" in said


def test_the_device_has_to_be_one_that_the_processes_talk_by(launched, data, tmp_path, capsys):
    from vsepp.models.joined_ranks import joined_ranks

    with pytest.raises(ValueError, match="device: gpu .* by gloo: launch them with --gpus 0,1"):
        with joined_ranks("gpu"):
            pass


@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_gloo_is_a_cpus(launched, monkeypatch, device):
    from vsepp.models.joined_ranks import joined_ranks

    class Joining(Exception):
        pass

    def join():
        raise Joining

    monkeypatch.setattr("paddle.distributed.init_parallel_env", join)
    with pytest.raises(Joining), joined_ranks(device):
        pass


class OfOther:
    """Ranks of which the other one says that a signal arrived."""

    count = 2
    arrived = 0

    def all(self, value):
        return [value, self.arrived]


def test_a_signal_to_one_rank_is_followed_by_all_at_the_same_place():
    ranks = OfOther()
    with StopRequest(ranks) as stop:
        assert not stop.settle() and not stop
        signal.raise_signal(signal.SIGTERM)
        assert stop.arrived == signal.SIGTERM and not stop  # not before the others know
        assert stop.settle() and stop.signal == signal.SIGTERM
    ranks.arrived = signal.SIGINT
    with StopRequest(ranks) as stop:
        assert stop.settle() and stop.signal == signal.SIGINT and stop.arrived is None


# ---- ends -------------------------------------------------------------------------------------


@pytest.fixture
def launch(tmp_path):
    """Launch two ranks on photographs that train for long; none outlives the test."""
    started = []

    def start(**keys):
        make_data(tmp_path / "data")
        values = dict(num_epochs=500, evaluate_step=1000, features=False, device="auto", **keys)
        config = make_config(tmp_path / "data", tmp_path / "out", **values).to_dict()
        (tmp_path / "config.yml").write_text(json.dumps(config))
        words = ["-m", "paddle.distributed.launch", "--nproc_per_node", "2"]
        words += [str(ROOT / "tools" / "train.py"), "-c", "config.yml"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        keys = dict(stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        process = subprocess.Popen([sys.executable, *words], cwd=tmp_path, env=environment, **keys)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
        for pid in ranks_of(tmp_path).values():
            os.kill(pid, signal.SIGKILL)


def ranks_of(folder):
    """`{number: process id}` of the ranks that run in a folder."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words = (path / "cmdline").read_text().split("\0")
            names = (path / "environ").read_text().split("\0")
            here = os.readlink(path / "cwd") == str(folder)
        except OSError:
            continue
        if here and "paddle.distributed.launch" not in words:
            number = [each for each in names if each.startswith("PADDLE_TRAINER_ID=")]
            if number:
                found[int(number[0].partition("=")[2])] = int(path.name)
    return found


def wait_for(condition, seconds=120):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.1)


ENDS = {
    "a rank killed": (lambda launcher, ranks: os.kill(ranks[1], signal.SIGKILL), "process 1 of 2"),
    "the leader killed": (
        lambda launcher, ranks: os.kill(ranks[0], signal.SIGKILL),
        "process 0 of 2",
    ),
    "Ctrl-C": (lambda launcher, ranks: launcher.send_signal(signal.SIGINT), "go on with -o"),
    "SIGTERM": (lambda launcher, ranks: launcher.send_signal(signal.SIGTERM), "go on with -o"),
    "SIGTERM to a rank": (lambda launcher, ranks: os.kill(ranks[1], signal.SIGTERM), "go on with"),
}


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
@pytest.mark.parametrize("end", ENDS)
def test_whatever_ends_a_rank_ends_the_job_with_a_sentence(tmp_path, launch, end):
    act, sentence = ENDS[end]
    launcher = launch()
    last = tmp_path / "out" / "last_tiny.ckpt"
    wait_for(last.exists)
    wait_for(lambda: len(ranks_of(tmp_path)) == 2)
    begin = time.monotonic()
    act(launcher, ranks_of(tmp_path))
    ((status, said),) = finish([launcher], 60)
    wait_for(lambda: not ranks_of(tmp_path))
    assert time.monotonic() - begin < 10
    assert status != 0
    assert sentence in said and "Traceback (most" not in said
    assert load_checkpoint(last)["step"] > 0


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_a_photograph_that_one_rank_cannot_read_ends_the_job_with_its_name(tmp_path, launch):
    batch = next(iter(EpochBatchSampler(range(60), 8, shuffle=True, drop_last=True, seed=0)))
    first, second = ({index // 5 for index in part} for part in (batch[:4], batch[4:]))
    image = min(second - first)  # that the second rank reads in the first step, and it alone
    launcher = launch()
    (tmp_path / "data" / "tiny" / "images" / f"{image:02d}.png").write_bytes(b"\x89PNG, not")
    ((status, said),) = finish([launcher], 120)
    assert status == 2 and f"{image:02d}.png" in said and "Traceback (most" not in said
    logs = [(tmp_path / "log" / f"workerlog.{number}").read_text() for number in range(2)]
    errors = [[line for line in log.splitlines() if "error: " in line] for log in logs]
    assert [len(lines) for lines in errors] == [1, 1] and f"{image:02d}.png" in errors[0][0]
    assert not ranks_of(tmp_path)
