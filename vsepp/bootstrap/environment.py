"""The project's own Python environment: made when it is missing, ready at once when it is there.

``ensure`` gives the interpreter of an environment that holds the project, its dependencies
and one Paddle. What it rests on:

- Paddle's CPU and GPU wheels install the same files, so an environment gets one of them,
  and a Paddle that is already installed is used, never replaced.
- A stamp file in the environment says what was installed from what. It is taken away before
  pip starts and written when all is done: equal means ready, missing means repair.
- Only a folder that this module made is ever cleared.

Standard library only: this runs on a bare Python, before anything is installed.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

from vsepp.bootstrap.pip_progress import LOG_NAME, InstallError, pip
from vsepp.bootstrap.plan import (
    ROOT,
    Request,
    choose_wheel,
    gpu_answers,
    interpreter_facts,
    make_plan,
)
from vsepp.bootstrap.trial import try_paddle
from vsepp.system.atomic import write_json
from vsepp.system.errors import InputError

OLDEST, NEWEST = (3, 9), (3, 12)
STAMP_NAME = "vsepp-install.json"
DOWNLOADS = {"cpu": "about 280 MB", "gpu": "about 850 MB", None: "about 80 MB"}

# pip would compile every module of every package, which takes as long as all the rest; what is
# used is compiled when it is first imported, see ``trial``.
_PIP_INSTALL = ("install", "--no-compile", "--progress-bar", "off")


def add_arguments(parser):
    """Add --device, --paddle and --venv to an ``argparse`` parser."""
    parser.add_argument(
        "--device",
        choices=("auto", "cpu", "gpu"),
        default="auto",
        help="which Paddle to install (default: for the GPU that nvidia-smi "
        "shows, else for the CPU)",
    )
    parser.add_argument(
        "--paddle",
        metavar="VERSION",
        help="that version of Paddle, such as 2.6.2, whatever is installed",
    )
    parser.add_argument(
        "--venv", metavar="FOLDER", help="folder of the environment (default: .venv in the project)"
    )


def request(arguments, test=False, checks=False):
    """The Request that parsed ``arguments`` describe."""
    return Request(arguments.device, arguments.paddle, arguments.venv, test, checks)


def check_python(version=None):
    """Raise InputError unless ``version`` (default: this interpreter's) is a supported one."""
    version = tuple(version or sys.version_info)[:2]
    if OLDEST <= version <= NEWEST:
        return
    names = [f"python3.{minor}" for minor in range(NEWEST[1], OLDEST[1] - 1, -1)]
    found = next((name for name in names if shutil.which(name)), None)
    mend = f"run it with {found}, which is installed" if found else "install one of those first"
    raise InputError(
        f"Python {version[0]}.{version[1]} is not supported, only 3.9 to 3.12: {mend}."
    )


def environment_python(folder):
    """Where an environment keeps its interpreter."""
    return Path(folder, "Scripts/python.exe") if os.name == "nt" else Path(folder, "bin/python")


def read_stamp(folder):
    """The stamp of an environment, {} when it has none that can be read."""
    try:
        stamp = json.loads(Path(folder, STAMP_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def write_stamp(folder, stamp):
    """Write an environment's stamp."""
    write_json(Path(folder, STAMP_NAME), stamp, indent=1)


def fingerprint(asked, plan, running, gpu, root=ROOT):
    """What an installation depends on, the extras of tests and checks apart."""
    digest = hashlib.sha256()
    for name in ("setup.py", "pyproject.toml"):
        digest.update((root / name).read_bytes())
    facts = [
        str(root),
        running["python"],
        asked.device,
        asked.paddle,
        gpu,
        plan.system_packages,
        plan.in_place,
        plan.requirements,
    ]
    if plan.wheel is None:
        facts.append(running["paddle"] or "there")
    digest.update(json.dumps(facts).encode())
    return digest.hexdigest()


def _ready(stamp, key, extras):
    return (
        bool(stamp.get("complete"))
        and stamp.get("key") == key
        and set(extras) - {"cpu", "gpu"} <= set(stamp.get("extras", ()))
    )


def ensure(asked=Request(), say=partial(print, flush=True), ahead=None):
    """Make or complete the environment that ``asked`` describes.

    The second time, with nothing changed, this takes a fraction of a second and no pip.

    Args:
        asked: Request.
        say: called with each line for the user.
        ahead: work that can begin before Paddle is there: ``ahead.packages`` are installed
            first, then ``ahead.begin(interpreter)`` is called, which must not wait for it.

    Returns:
        Path: the environment's interpreter.

    Raises:
        InputError: in one sentence, when it cannot be made.
    """
    check_python()
    python = sys.executable
    folder = asked.folder
    if folder.exists() and Path(sys.prefix).resolve() == folder.resolve():
        # started from inside the environment itself: look from where it was made
        python = getattr(sys, "_base_executable", None) or python
    running = interpreter_facts(python)
    if running is None:
        raise InputError(f"{python} does not run one line of code: start this with another Python.")
    occupant = None if read_stamp(folder).get("ours") else _occupant(folder)
    gpu = gpu_answers()
    plan = make_plan(asked, running, occupant, gpu)
    key = fingerprint(asked, plan, running, gpu)
    stamp = read_stamp(plan.folder)
    interpreter = environment_python(plan.folder)
    if interpreter.exists() and _ready(stamp, key, plan.extras):
        return interpreter

    started = time.monotonic()
    size = DOWNLOADS[plan.wheel]
    verb = "Completing" if stamp.get("complete") else "Preparing"
    say(f"{verb} the environment {plan.folder}, once (up to {size} to download): {plan.why}.")
    if not plan.in_place:
        _make_environment(plan, python, running)
    for extra in ("test", "check"):  # what was there stays
        if extra in stamp.get("extras", ()) and extra not in plan.extras:
            plan = replace(plan, extras=plan.extras + (extra,))
    stamp = {
        "complete": False,
        "ours": not plan.in_place,
        "key": key,
        "wheel": plan.wheel,
        "system_packages": plan.system_packages,
    }
    write_stamp(plan.folder, stamp)
    plan = _install(plan, asked, interpreter, say, ahead)
    write_stamp(plan.folder, dict(stamp, complete=True, extras=list(plan.extras)))
    say(f"The environment is ready after {time.monotonic() - started:.0f} s: {interpreter}")
    return interpreter


def _occupant(folder):
    """Facts of the environment that somebody else made in ``folder``, None when it is free."""
    if not folder.is_dir() or not any(folder.iterdir()):
        if folder.exists() and not folder.is_dir():
            raise InputError(f"{folder} is a file: choose a folder with --venv FOLDER.")
        return None
    facts = None
    if (folder / "pyvenv.cfg").exists():
        facts = interpreter_facts(environment_python(folder))
    if facts is None:
        raise InputError(
            f"{folder} is there but holds no working Python environment: remove it, "
            "or choose another folder with --venv FOLDER."
        )
    check_python(facts["python"])
    if read_stamp(folder).get("wheel"):
        facts["paddle"] = None  # the one in there is what this module put there
    return facts


def _make_environment(plan, python, running):
    """Make ``plan.folder`` an environment of the running Python, keeping one that already is."""
    folder = plan.folder
    stamp, present = read_stamp(folder), interpreter_facts(environment_python(folder))
    if (
        present
        and present["pip"]
        and present["python"] == running["python"]
        and stamp.get("system_packages") == plan.system_packages
    ):
        return
    if not running["ensurepip"] and not running["virtualenv"]:
        version = ".".join(map(str, running["python"]))
        raise InputError(
            f"{python} cannot make environments: run `sudo apt install python{version}-venv` "
            "(Debian, Ubuntu) or `pip install virtualenv`, then this again."
        )
    if folder.exists():
        shutil.rmtree(folder)  # ours or empty: `_occupant` has refused or kept any other
    folder.mkdir(parents=True)
    # first of all, so that an interrupted beginning is known as ours
    write_stamp(folder, {"complete": False, "ours": True, "system_packages": plan.system_packages})
    module = "venv" if running["ensurepip"] else "virtualenv"
    options = ["--system-site-packages"] if plan.system_packages else []
    made = subprocess.run(
        [str(python), "-m", module, *options, str(folder)], capture_output=True, text=True
    )
    if made.returncode:
        said = (made.stderr or made.stdout).strip().splitlines() or ["it gave no reason"]
        raise InputError(f"{python} could not make the environment {folder}: {said[-1]}")


def _install(plan, asked, interpreter, say, ahead):
    """Run pip for ``plan``; → the plan that was carried out (the CPU's, where the GPU's fails)."""
    log = plan.folder / LOG_NAME
    log.write_text("", encoding="utf-8")
    facts = interpreter_facts(interpreter)
    if not facts["pip"]:
        subprocess.run([str(interpreter), "-m", "ensurepip"], capture_output=True)
        if not interpreter_facts(interpreter)["pip"]:
            raise InputError(
                f"{interpreter} has no pip: install it there (`uv pip install pip`, "
                "`python -m ensurepip`), then run this again."
            )
    if ahead and plan.wheel == "cpu" and not plan.in_place:  # where no older NumPy is asked for
        companions = [name for name in plan.requirements if not name.startswith("paddle")]
        pip(interpreter, *_PIP_INSTALL, *ahead.packages, *companions, log=log, say=say)
        ahead.begin(interpreter)
    try:
        _install_once(plan, facts, interpreter, log, say)
        return plan
    except InstallError as error:
        if plan.wheel != "gpu" or asked.device == "gpu":
            raise
        say(f"Paddle for GPUs does not work here ({error})")
        say(
            f"Using Paddle for the CPU instead ({DOWNLOADS['cpu']} to download). For a newer "
            "Paddle on your GPU install it first: https://www.paddlepaddle.org.cn/install/quick"
        )
    wheel, extras, requirements, why = choose_wheel(
        Request("cpu", asked.paddle), gpu=False, machine=None
    )
    kept = tuple(name for name in plan.extras if name != "gpu")
    plan = replace(plan, extras=extras + kept, wheel=wheel, requirements=requirements, why=why)
    _install_once(plan, interpreter_facts(interpreter), interpreter, log, say)
    return plan


def _install_once(plan, facts, interpreter, log, say):
    if plan.wheel and facts["paddle"] and facts["paddle"]["kind"] != plan.wheel:
        # two wheels over one another leave a broken mixture
        pip(interpreter, "uninstall", "-y", "paddlepaddle", "paddlepaddle-gpu", log=log, say=say)
    project = str(ROOT) + (f"[{','.join(plan.extras)}]" if plan.extras else "")
    pip(interpreter, *_PIP_INSTALL, "-e", project, *plan.requirements, log=log, say=say)
    say("  trying Paddle")
    try_paddle(interpreter, plan.folder, gpu=plan.wheel == "gpu", log=log)
