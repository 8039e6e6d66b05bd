"""From a bare machine to a picture: environment, sample data, training, scores, an answer."""

import argparse
import shlex
import subprocess
import time
from functools import partial
from pathlib import Path

from vsepp.bootstrap import environment
from vsepp.bootstrap.ahead import Drawing

QUERY = "three red flowers to the right of an orange cat in the city at night"
PICTURE = "runs/sample/quickstart.png"
BEST = "model/vsepp/best_sample.ckpt"
LAST = "model/vsepp/last_sample.ckpt"
UNDER_WAY = "runs/sample/quickstart.training"  # there from the start of training to its end
EXPECTED = (
    "To expect: R@1 of 25 to 55, as rounding on this processor has it, and R@10 of 85 or more, "
    "over both directions, among 100 images, where chance gives 1 and 10."
)

#: What is done, and about how many seconds it takes on two cores that do nothing else.
STEPS = {
    "install": ("The environment", 40),
    "prepare": ("The sample: pictures and their sentences", 15),
    "train": ("Training from scratch", 150),
    "eval": ("Scores on the test split", 6),
    "infer": ("A sentence and the images that it finds", 4),
}


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
    process = subprocess.Popen(command, cwd=str(cwd))
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


def heading(step, skipped=()):
    """The line that opens a step: what it is, and how long this and what follows will take."""
    left = list(STEPS)[list(STEPS).index(step) :]
    seconds = sum(STEPS[name][1] for name in left if name not in skipped)
    about = f"{round(seconds / 60)} minutes" if seconds >= 90 else f"{seconds} seconds"
    number = len(STEPS) - len(left) + 1
    return f"\n[{number}/{len(STEPS)}] {STEPS[step][0]} (about {about} left on two quiet cores)"


def _tool(command):
    """``train`` of a command that runs ``tools/train.py``."""
    return command[0].split("/")[1].split(".")[0]


def not_among(commands):
    """The steps that these commands leave out, beside the installation."""
    return set(STEPS) - {"install", *map(_tool, commands)}


def run_steps(
    python,
    root,
    again=False,
    run=run_command,
    say=partial(print, flush=True),
    drawn=lambda: None,
    installing=0.0,
):
    """Run the steps, stopping at the first that fails.

    Args:
        python: the interpreter to run them with.
        root: the project's folder.
        run: called with (command, cwd), returns an exit status.
        say: called with each line for the user.
        drawn: returns when nobody else draws the sample any more.
        installing: seconds that the environment took.

    Returns:
        int: 0, or the status of the step that failed.
    """
    commands, note = steps(root, again)
    skipped = not_among(commands)
    times = {"install": installing}
    marker = root / UNDER_WAY
    for command in commands:
        step = _tool(command)
        say(heading(step, skipped))
        if note and step == "prepare":
            say(note)
        started = time.monotonic()
        if step == "prepare":
            drawn()
        say(f"$ {shlex.join([str(python), *command])}")
        if step == "train":
            marker.parent.mkdir(parents=True, exist_ok=True)
            marker.touch()
        status = run([str(python), *command], root)
        times[step] = time.monotonic() - started
        if status:
            say(f"\n{command[0]} stopped with exit status {status}; what went wrong stands above.")
            return status
        if step == "train":
            marker.unlink()
    say(
        "\nTimes: "
        + ", ".join(f"{step} {times[step]:.0f} s" for step in STEPS if step in times)
        + f"; {sum(times.values()):.0f} s in all."
    )
    say(EXPECTED)
    say(f'The best images for "{QUERY}": {root / PICTURE}')
    say("Run this again, and what is there is kept; with --again it trains anew.")
    say(f"To open the page in a browser: {page_command(python, root)}")
    return 0


def page_command(python, root):
    """The line that opens the page from any folder, with Gradio's installation if it is missing."""
    here = Path(python)
    if here.is_relative_to(root):
        here = here.relative_to(root)
    called = shlex.quote(here.as_posix())
    words = [f"{called} tools/demo.py --dataset sample"]
    if not _has_gradio(python):
        words.insert(0, f'{called} -m pip install -e ".[demo]"')
    if Path.cwd() != root:
        words.insert(0, f"cd {shlex.quote(str(root))}")
    return " && ".join(words)


def _has_gradio(python):
    script = "import importlib.util, sys; sys.exit(importlib.util.find_spec('gradio') is None)"
    try:
        return subprocess.run([str(python), "-c", script], capture_output=True).returncode == 0
    except OSError:
        return False


def main(argv=None):
    """What ``python3 tools/quickstart.py`` does."""
    parser = argparse.ArgumentParser(
        description="Make the environment, draw the sample data set, train on it, measure, and "
        "answer one sentence with a picture: minutes on two CPU cores."
    )
    parser.add_argument("--again", action="store_true", help="train anew")
    environment.add_arguments(parser)
    arguments = parser.parse_args(argv)
    root, say = environment.ROOT, partial(print, flush=True)
    commands, _ = steps(root, arguments.again)
    with Drawing(root, say) as drawing:
        say(heading("install", not_among(commands)).lstrip())
        started = time.monotonic()
        python = environment.ensure(environment.request(arguments), say, drawing)
        installing = time.monotonic() - started
        return run_steps(
            python, root, arguments.again, say=say, drawn=drawing.wait, installing=installing
        )
