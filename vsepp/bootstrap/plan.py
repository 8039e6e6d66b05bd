"""Where the packages go, and which Paddle with them: decided from what is there.

Standard library only: this runs on a bare Python, before anything is installed.
"""

import json
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from vsepp.system.errors import InputError

ROOT = Path(__file__).resolve().parents[2]

# Asked of an interpreter in its own process: ours may be another one, and importing Paddle
# would take seconds.
_FACTS = r"""
import importlib.util, json, os, re, sys
def here(name):
    found = importlib.util.find_spec(name)
    return found if found is not None and found.origin else None
paddle = None
if here("paddle"):
    text = ""
    version = os.path.join(os.path.dirname(here("paddle").origin), "version", "__init__.py")
    if os.path.exists(version):
        with open(version, encoding="utf-8") as stream:
            text = stream.read()
    full = re.search(r"full_version\s*=\s*['\"]([^'\"]+)", text)
    cuda = re.search(r"cuda_version\s*=\s*['\"]([^'\"]+)", text)
    paddle = {"version": full.group(1) if full else "",
              "kind": "gpu" if cuda and cuda.group(1) not in ("False", "OFF") else "cpu"}
print(json.dumps({
    "python": list(sys.version_info[:2]), "prefix": sys.prefix, "paddle": paddle,
    "virtual": sys.prefix != sys.base_prefix,
    "pip": bool(here("pip")), "ensurepip": bool(here("ensurepip")) and bool(here("venv")),
    "virtualenv": bool(here("virtualenv"))}))
"""


@dataclass(frozen=True)
class Request:
    """What the command line asked for."""

    device: str = "auto"  # auto, cpu or gpu
    paddle: str = None  # a Paddle version, such as 2.6.2
    venv: str = None  # folder of the environment
    test: bool = False  # also what the tests need
    checks: bool = False  # also what checks format, layers and types

    @property
    def folder(self):
        """Where the environment is asked for; .venv in the project unless said."""
        return Path(self.venv).expanduser().absolute() if self.venv else ROOT / ".venv"


@dataclass(frozen=True)
class Plan:
    """Where the packages go, and which Paddle with them."""

    folder: Path
    why: str  # one line for the user
    wheel: str = None  # "cpu", "gpu", or None where Paddle is there already
    extras: tuple = ()
    requirements: tuple = ()  # beside the project itself
    system_packages: bool = False  # the environment sees the interpreter's own packages
    in_place: bool = False  # an environment of the user's, which is never cleared


def gpu_answers():
    """Whether ``nvidia-smi`` is there, works and lists a GPU."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return False
    try:
        listed = subprocess.run([program, "-L"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return listed.returncode == 0 and "GPU" in listed.stdout


def interpreter_facts(python):
    """What an interpreter is and has (a dictionary), or None when it does not run."""
    try:
        answer = subprocess.run(
            [str(python), "-c", _FACTS], capture_output=True, text=True, timeout=60, cwd=str(ROOT)
        )
        return json.loads(answer.stdout) if answer.returncode == 0 else None
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None


def _numbers(version):
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])


def _suits(paddle, asked):
    """Whether an installed Paddle is what was asked for."""
    if paddle is None or (asked.device == "gpu" and paddle["kind"] != "gpu"):
        return False
    if asked.paddle:
        return paddle["version"] == asked.paddle
    numbers = _numbers(paddle["version"])
    return not numbers or numbers[0] == 0 or numbers >= (2, 6)  # 0.0.0 is a nightly build


def _companions(version):
    """What Paddle before 3 needs beside it and does not say (see the extra ``gpu``)."""
    numbers = _numbers(version or "")
    return ("numpy<2", "setuptools") if numbers and 0 < numbers[0] < 3 else ()


def choose_wheel(asked, gpu, machine):
    """→ (wheel, extras, requirements, why) for an environment without Paddle."""
    if asked.paddle and not re.fullmatch(r"\d+(\.\d+){1,2}", asked.paddle):
        raise InputError(f"--paddle {asked.paddle}: not a version; give one such as 2.6.2.")
    if asked.paddle and _numbers(asked.paddle) < (2, 6):
        raise InputError(f"--paddle {asked.paddle} is too old: give 2.6.2 or newer.")
    new = asked.paddle is not None and _numbers(asked.paddle) >= (3, 0)
    runs = machine in (("Linux", "x86_64"), ("Windows", "AMD64"))
    if asked.device == "gpu" and (new or not runs):
        raise InputError(
            "PyPI has GPU wheels of Paddle up to 2.6.2, for Linux and Windows on x86-64 only: "
            "install Paddle for your GPU by its own instructions first "
            "(https://www.paddlepaddle.org.cn/install/quick), then run this again with the same "
            "Python; it uses what is there."
        )
    there_is_one = gpu and runs and not new
    wheel = "gpu" if asked.device == "gpu" or (asked.device == "auto" and there_is_one) else "cpu"
    if wheel == "gpu":
        why = "nvidia-smi shows a GPU: Paddle for GPUs" if gpu else "Paddle for GPUs, as asked"
    elif gpu and asked.device == "auto":
        why = "Paddle for the CPU (PyPI has no GPU wheel of it for this machine and version)"
    else:
        why = "Paddle for the CPU" + (", as asked" if asked.device == "cpu" else "")
    if asked.paddle is None:
        return wheel, (wheel,), (), why
    name = "paddlepaddle-gpu" if wheel == "gpu" else "paddlepaddle"
    return wheel, (), (f"{name}=={asked.paddle}", *_companions(asked.paddle)), why


def make_plan(asked, running, occupant=None, gpu=False, machine=None):
    """Decide where to install and which Paddle.

    Args:
        asked: Request.
        running: ``interpreter_facts`` of the interpreter that runs.
        occupant: the same of an environment that somebody else made in the folder, if any.
        gpu: whether a GPU answers.
        machine: (system, machine) as ``platform`` names them; default: this one.

    Returns:
        Plan.
    """
    machine = machine or (platform.system(), platform.machine())
    folder = asked.folder
    tests = (("test",) if asked.test else ()) + (("check",) if asked.checks else ())

    def with_installed(paddle, place, **options):
        return Plan(
            place,
            f"Paddle {paddle['version']} is installed already and is used as it is",
            extras=tests,
            requirements=_companions(paddle["version"]),
            **options,
        )

    if running["virtual"] and asked.venv is None and _suits(running["paddle"], asked):
        return with_installed(running["paddle"], Path(running["prefix"]), in_place=True)
    if occupant and occupant["paddle"]:
        if not _suits(occupant["paddle"], asked):
            raise InputError(
                f"{folder} is an environment of yours with another Paddle "
                f"({occupant['paddle']['version']}, {occupant['paddle']['kind']}): "
                "choose another folder with --venv FOLDER."
            )
        return with_installed(occupant["paddle"], folder, in_place=True)
    if not occupant and not running["virtual"] and _suits(running["paddle"], asked):
        return with_installed(running["paddle"], folder, system_packages=True)
    wheel, extras, requirements, why = choose_wheel(asked, gpu, machine)
    return Plan(folder, why, wheel, extras + tests, requirements, in_place=bool(occupant))
