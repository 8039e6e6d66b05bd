"""From a bare machine to a picture: environment, sample data, training, scores, an answer."""

import argparse
import os
import shlex
import subprocess
import time
from functools import partial

from vsepp.bootstrap import environment

QUERY = "three red flowers to the right of an orange cat in the city at night"
PICTURE = "runs/sample/quickstart.png"
BEST = "model/vsepp/best_sample.ckpt"
LAST = "model/vsepp/last_sample.ckpt"
UNDER_WAY = "runs/sample/quickstart.training"  # there from the start of training to its end
EXPECTED = (
    "To expect: R@1 of 30 or more and R@10 of 80 or more among 100 images, "
    "where chance gives 1 and 10."
)


def steps(root, again=False):
    """The commands to run, each a list without the interpreter, and a line about training.

    Training is skipped when an earlier run finished it, resumed when one was cut off.
    """
    train, note = ["tools/train.py", "--dataset", "sample"], None
    under_way = (root / UNDER_WAY).exists()
    if again:
        pass
    elif under_way and (root / LAST).exists():
        train += ["-o", f"checkpoint={LAST}"]
        note = f"Training was cut off; it goes on from {LAST} (--again starts it anew)."
    elif not under_way and (root / BEST).exists():
        train, note = None, f"{BEST} is there: training is skipped (--again trains anew)."
    commands = [
        ["tools/prepare.py", "--dataset", "sample"],
        train,
        ["tools/eval.py", "--dataset", "sample"],
        ["tools/infer.py", "--dataset", "sample", "--text", QUERY, "--save", PICTURE],
    ]
    return [command for command in commands if command], note


def run_command(command, cwd):
    """Run a command to its end and return its exit status; ending us ends it first."""
    # The sample's products are too small to gain from a second thread.
    process = subprocess.Popen(command, cwd=str(cwd), env={"MKL_NUM_THREADS": "1", **os.environ})
    try:
        status = process.wait()
        return status if status >= 0 else 128 - status  # a signal's number, as shells give it
    except KeyboardInterrupt:  # the terminal told the command as well: let it save its work
        process.wait()
        raise
    except BaseException:
        process.terminate()
        process.wait()
        raise


def run_steps(python, root, again=False, run=run_command, say=partial(print, flush=True)):
    """Run the steps, stopping at the first that fails.

    Args:
        python: the interpreter to run them with.
        root: the project's folder.
        run: called with (command, cwd), returns an exit status.

    Returns:
        int: 0, or the status of the step that failed.
    """
    commands, note = steps(root, again)
    if note:
        say(note)
    times = []
    marker = root / UNDER_WAY
    for command in commands:
        say(f"\n$ {shlex.join([str(python), *command])}")
        training = command[0] == "tools/train.py"
        if training:
            marker.parent.mkdir(parents=True, exist_ok=True)
            marker.touch()
        started = time.monotonic()
        status = run([str(python), *command], root)
        times.append((command[0], time.monotonic() - started))
        if status:
            say(f"\n{command[0]} stopped with exit status {status}; what went wrong stands above.")
            return status
        if training:
            marker.unlink()
    say(
        "\nTimes: "
        + ", ".join(f"{name.split('/')[1]} {seconds:.0f} s" for name, seconds in times)
        + f"; {sum(seconds for _, seconds in times):.0f} s in all."
    )
    say(EXPECTED)
    say(f'The best images for "{QUERY}": {root / PICTURE}')
    return 0


def main(argv=None):
    """What ``python3 tools/quickstart.py`` does."""
    parser = argparse.ArgumentParser(
        description="Make the environment, draw the sample data set, train on it, measure, and "
        "answer one sentence with a picture: minutes on two CPU cores."
    )
    parser.add_argument("--again", action="store_true", help="train anew")
    environment.add_arguments(parser)
    arguments = parser.parse_args(argv)
    python = environment.ensure(environment.request(arguments))
    return run_steps(python, environment.ROOT, arguments.again)
