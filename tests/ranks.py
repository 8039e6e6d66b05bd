"""Starting ranks without a launcher, and comparing what they did."""

import dataclasses
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
COURSE = ROOT / "tests" / "training" / "rank_course.py"


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def environments(count):
    """Of each of `count` ranks on this machine, as a launcher makes them."""
    ends = [f"127.0.0.1:{free_port()}" for _ in range(count)]
    for number, end in enumerate(ends):
        yield {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PADDLE_TRAINERS_NUM": str(count),
            "PADDLE_TRAINER_ID": str(number),
            "PADDLE_CURRENT_ENDPOINT": end,
            "PADDLE_TRAINER_ENDPOINTS": ",".join(ends),
            "PADDLE_DISTRI_BACKEND": "gloo",
        }


def start(count, *words):
    """Processes that run a Python program with these words."""
    keys = dict(stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return [
        subprocess.Popen([sys.executable, *map(str, words)], env=environment, **keys)
        for environment in environments(count)
    ]


def finish(processes, seconds=300):
    """(status, output) of each; none is left behind."""
    try:
        said = [process.communicate(timeout=seconds)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    return [(process.returncode, text) for process, text in zip(processes, said)]


def course(count, config, out, steps):
    """What each of `count` ranks went through, see `rank_course.py`: `[{name: array}, …]`."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / "arguments.json"
    values = {"config": dataclasses.asdict(config), "out": str(out), "steps": steps}
    path.write_text(json.dumps(values))
    for status, said in finish(start(count, COURSE, path)):
        assert status == 0, said
    return [dict(np.load(out / f"rank{number}.npz")) for number in range(count)]


def farthest(one, other, kind):
    """The largest distance of arrays of a kind, relative to each one's norm."""
    names = [name for name in one if name.startswith(f"{kind}/")]
    assert names and names == [name for name in other if name.startswith(f"{kind}/")]
    return max(
        float(np.linalg.norm(one[name] - other[name]) / max(np.linalg.norm(one[name]), 1e-30))
        for name in names
    )


def draw_features(config):
    """Let the stored features of a configuration's data be numbers drawn at random, computing none
    anew: those of a backbone without weights are all alike, and where the hardest negative is a
    matter of the last bit, so is everything that follows."""
    from vsepp.training.data import open_splits

    open_splits(config, ("train", "val", "test"))
    for path in (Path(config.data_dir) / config.dataset / "features").glob("*/*.npy"):
        stored = np.load(path)
        drawn = np.random.default_rng(len(stored)).standard_normal(stored.shape)
        np.save(path, drawn.astype(stored.dtype))
