"""``tools/benchmark.py``."""

import argparse
import math
import os
from pathlib import Path

from vsepp.cli.command import parser
from vsepp.system.errors import InputError
from vsepp.system.threads import cpu_count

FORMAT = "vsepp-benchmark-1"
DESCRIPTION = """Measure what people wait for, beside what they would run instead.

Each part compares the package with the code of the documents, written plainly; with PyTorch and
faiss where they are installed; and with the bare matrix products, which nothing can undercut.
Every side runs in a process of its own with the same number of threads, in turn: A, B, A, B. A
ratio is one of medians; beside it stand the lowest and the highest of a single round. Data are
made from a seed: nothing has to be prepared, and nothing is downloaded.

All parts take about twenty minutes on two cores. Let nothing else run meanwhile."""


def main(argv=None):
    """Measure; returns the exit status."""
    arguments = _arguments(argv)
    if arguments.list:
        from benchmarks.parts import titles

        for name, title in titles().items():
            print(f"{name:12} {title}")
        return 0
    from benchmarks.bench import PAUSE, Bench
    from benchmarks.machine import describe, text
    from benchmarks.parts import choose, measure
    from vsepp.system.atomic import check_writable, write_json

    names = choose(arguments.only)
    if arguments.soak and "step" not in names:
        raise InputError(
            "--soak trains between two measurements of the part step: add it to --only."
        )
    if arguments.json:
        check_writable(arguments.json)
    threads = arguments.threads or _threads()
    with Bench(
        threads,
        arguments.torch_python,
        arguments.rounds,
        arguments.soak,
        pause=0.0 if arguments.smoke else PAUSE,
        ours_alone=arguments.ours,
    ) as bench:
        machine = describe(threads, bench.others)
        print(text(machine), flush=True)
        results = {}
        for name in names:
            results[name] = measure(name, bench, arguments.smoke)
            print(f"\n{name}: {results[name].text()}\n({results[name].seconds:.0f} s)", flush=True)
            if arguments.json:  # after each, so that what was measured outlives an interruption
                write_json(arguments.json, _document(machine, results, arguments), indent=2)
    if arguments.json:
        print(f"\nwritten to {arguments.json}")
    return 0


def _arguments(argv):
    commands = parser(DESCRIPTION, dataset=False)
    commands.add_argument(
        "--only",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME",
        help="these parts alone; --list names them",
    )
    commands.add_argument("--list", action="store_true", help="name the parts and end")
    commands.add_argument("--json", metavar="FILE", help="the same, and every round, as JSON")
    commands.add_argument(
        "--threads",
        type=_at_least_one,
        metavar="N",
        help="processors each side may use (default: all)",
    )
    commands.add_argument(
        "--rounds",
        type=_at_least_one,
        metavar="N",
        help="repetitions of every comparison (default: each part's own)",
    )
    commands.add_argument(
        "--torch-python",
        metavar="FILE",
        help="an interpreter that has PyTorch and NumPy, and faiss perhaps "
        "(default: this one, if it has)",
    )
    commands.add_argument(
        "--ours",
        action="store_true",
        help="the package alone, to compare two versions of it: its own sides, no others",
    )
    commands.add_argument(
        "--soak",
        type=_minutes,
        default=0.0,
        metavar="MINUTES",
        help="train for so long, and measure the training step again",
    )
    commands.add_argument(
        "--smoke",
        action="store_true",
        help="sizes at which the figures mean nothing: does everything run?",
    )
    arguments = commands.parse_args(argv)
    if arguments.threads and arguments.threads > cpu_count():
        raise InputError(
            f"--threads {arguments.threads} is more than the {cpu_count()} processors "
            "this process may use: give fewer."
        )
    if arguments.ours and arguments.torch_python:
        raise InputError("--ours runs no PyTorch: leave --torch-python out.")
    if arguments.json and Path(arguments.json).is_dir():
        raise InputError(f"--json: {arguments.json} is a folder: give the name of a file.")
    return arguments


def _at_least_one(text):
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return number


def _minutes(text):
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of minutes above 0")
    return number


def _threads():
    """As many as the matrix products of this process would use."""
    chosen = os.environ.get("MKL_NUM_THREADS", "")
    count = int(chosen) if chosen.isdecimal() else 0
    return min(count, cpu_count()) or cpu_count()


def _document(machine, results, arguments):
    return {
        "format": FORMAT,
        "machine": machine,
        "smoke": arguments.smoke,
        "soak_minutes": arguments.soak,
        "parts": {name: result.to_dict() for name, result in results.items()},
    }
