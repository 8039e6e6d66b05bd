"""The environment is made once, with the right Paddle, and never over somebody's own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from vsepp.bootstrap import environment, pip_progress, quickstart
from vsepp.bootstrap import plan as environment_plan
from vsepp.bootstrap.plan import Request, make_plan
from vsepp.system.errors import InputError

LINUX = ("Linux", "x86_64")
ROOT = environment.ROOT


def facts(paddle=None, kind="cpu", virtual=False, **changes):
    """What an interpreter is and has, as ``interpreter_facts`` says it."""
    return {
        "python": [3, 11],
        "prefix": "/there",
        "virtual": virtual,
        "pip": True,
        "ensurepip": True,
        "virtualenv": False,
        "paddle": {"version": paddle, "kind": kind} if paddle else None,
        **changes,
    }


def program(folder, name, script):
    """Put a shell script named ``name`` into ``folder``."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


# ---------------------------------------------------------------- which Paddle


def test_without_a_gpu_the_cpu_wheel_is_chosen():
    plan = make_plan(Request(), facts(), gpu=False, machine=LINUX)
    assert (plan.wheel, plan.extras, plan.folder) == ("cpu", ("cpu",), ROOT / ".venv")


def test_with_a_gpu_the_gpu_wheel_is_chosen_where_there_is_one():
    assert make_plan(Request(), facts(), gpu=True, machine=LINUX).extras == ("gpu",)
    assert make_plan(Request(), facts(), gpu=True, machine=("Windows", "AMD64")).wheel == "gpu"
    assert make_plan(Request(), facts(), gpu=True, machine=("Linux", "aarch64")).wheel == "cpu"
    assert make_plan(Request(device="cpu"), facts(), gpu=True, machine=LINUX).wheel == "cpu"


def test_paddle_2_brings_the_old_numpy_and_setuptools():
    plan = make_plan(Request(paddle="2.6.2"), facts(), machine=LINUX)
    assert plan.requirements == ("paddlepaddle==2.6.2", "numpy<2", "setuptools")
    assert plan.extras == ()
    plan = make_plan(Request(paddle="2.6.2"), facts(), gpu=True, machine=LINUX)
    assert plan.requirements[0] == "paddlepaddle-gpu==2.6.2"


def test_paddle_3_comes_alone_and_for_the_cpu():
    plan = make_plan(Request(paddle="3.3.1"), facts(), gpu=True, machine=LINUX)
    assert plan.requirements == ("paddlepaddle==3.3.1",)


def test_the_tests_extra_is_added():
    assert make_plan(Request(test=True), facts(), machine=LINUX).extras == ("cpu", "test")
    plan = make_plan(Request(test=True, checks=True), facts(), machine=LINUX)
    assert plan.extras == ("cpu", "test", "check")


@pytest.mark.parametrize(
    "asked, machine, words",
    [
        (Request(device="gpu", paddle="3.3.1"), LINUX, "by its own instructions"),
        (Request(device="gpu"), ("Darwin", "arm64"), "by its own instructions"),
        (Request(paddle="newest"), LINUX, "not a version"),
        (Request(paddle="2.4.2"), LINUX, "2.6.2 or newer"),
    ],
)
def test_what_no_index_has_is_refused_before_pip(asked, machine, words):
    with pytest.raises(InputError, match=words):
        make_plan(asked, facts(), machine=machine)


# ---------------------------------------------------------------- an installed Paddle


def test_an_installed_paddle_is_seen_through_not_installed_again():
    plan = make_plan(Request(), facts("3.0.0", "gpu"), gpu=True, machine=LINUX)
    assert plan.wheel is None and plan.system_packages
    assert plan.extras == () and plan.requirements == ()


def test_an_installed_paddle_2_keeps_its_numpy():
    plan = make_plan(Request(), facts("2.6.2"), machine=LINUX)
    assert plan.requirements == ("numpy<2", "setuptools")


def test_an_active_environment_with_paddle_gets_the_project_itself():
    plan = make_plan(Request(test=True), facts("3.3.1", virtual=True), machine=LINUX)
    assert plan.folder == Path("/there") and plan.in_place
    assert plan.wheel is None and plan.extras == ("test",)


def test_an_active_environment_with_paddle_is_left_alone_when_another_folder_is_named(tmp_path):
    # an environment made from within another one sees the base interpreter, not that Paddle
    plan = make_plan(Request(venv=str(tmp_path)), facts("3.3.1", virtual=True), machine=LINUX)
    assert (plan.folder, plan.wheel, plan.system_packages) == (tmp_path, "cpu", False)


def test_another_version_than_the_installed_one_gets_its_own_environment():
    plan = make_plan(Request(paddle="2.6.2"), facts("3.3.1"), machine=LINUX)
    assert plan.wheel == "cpu" and not plan.system_packages
    plan = make_plan(Request(device="gpu"), facts("3.3.1", "cpu"), machine=LINUX)
    assert plan.wheel == "gpu" and not plan.system_packages


def test_a_paddle_too_old_for_the_package_is_not_used():
    assert make_plan(Request(), facts("2.4.1"), machine=LINUX).wheel == "cpu"


def test_somebodys_own_venv_is_completed_and_its_paddle_kept():
    plan = make_plan(Request(), facts(), occupant=facts("3.1.0"), machine=LINUX)
    assert plan.in_place and plan.wheel is None
    assert make_plan(Request(), facts(), occupant=facts(), machine=LINUX).wheel == "cpu"
    with pytest.raises(InputError, match="--venv"):
        make_plan(Request(paddle="2.6.2"), facts(), occupant=facts("3.1.0"), machine=LINUX)


def test_paddle_is_found_and_read_without_importing_it(tmp_path, monkeypatch):
    (tmp_path / "paddle/version").mkdir(parents=True)
    (tmp_path / "paddle/__init__.py").write_text("raise SystemExit('imported')")
    (tmp_path / "paddle/version/__init__.py").write_text(
        "full_version     = '2.6.2'\ncuda_version     = '11.8'\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = environment.interpreter_facts(sys.executable)
    assert found["paddle"] == {"version": "2.6.2", "kind": "gpu"}
    assert found["python"] == list(sys.version_info[:2])


# ---------------------------------------------------------------- the GPU


@pytest.mark.skipif(os.name == "nt", reason="shell scripts")
@pytest.mark.parametrize(
    "script, answers",
    [
        ("echo 'GPU 0: Something (UUID: GPU-1)'", True),
        ("echo 'No devices were found'", False),
        ("echo 'GPU 0'; exit 9", False),  # the driver does not answer
    ],
)
def test_a_gpu_counts_when_nvidia_smi_lists_one(tmp_path, monkeypatch, script, answers):
    program(tmp_path, "nvidia-smi", script)
    monkeypatch.setenv("PATH", f"{tmp_path}")
    assert environment.gpu_answers() is answers


def test_no_nvidia_smi_means_no_gpu(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert environment.gpu_answers() is False


# ---------------------------------------------------------------- making it, once


class Pip:
    """Stands for pip, trying Paddle, and nothing else: notes what would be installed."""

    def __init__(self):
        self.calls, self.refuse = [], None

    def __call__(self, plan, facts, interpreter, log, say):
        self.calls.append(plan)
        if self.refuse and self.refuse(plan):
            raise pip_progress.InstallError("it does not start.")


@pytest.fixture
def fake_pip(monkeypatch):
    """``ensure`` with its own venv, but without pip's work, GPU or an installed Paddle."""
    fake, real = Pip(), environment.interpreter_facts

    def without_paddle(python):
        found = real(python)
        return dict(found, paddle=None, pip=True) if found else None

    monkeypatch.setattr(environment, "_install_once", fake)
    monkeypatch.setattr(environment, "interpreter_facts", without_paddle)
    monkeypatch.setattr(environment, "gpu_answers", lambda: False)
    return fake


@pytest.fixture
def quick_venv(monkeypatch):
    """Environments without pip in them: a fraction of a second rather than several."""
    real = subprocess.run

    def run(command, *arguments, **options):
        if command[1:3] == ["-m", "venv"]:
            command = [*command, "--without-pip"]
        return real(command, *arguments, **options)

    monkeypatch.setattr(environment.subprocess, "run", run)


def ensure(folder, **asked):
    said = []
    python = environment.ensure(Request(venv=str(folder), **asked), say=said.append)
    return python, said


def test_the_second_time_nothing_is_installed(tmp_path, fake_pip, quick_venv):
    python, said = ensure(tmp_path / "env")
    assert python.exists() and len(fake_pip.calls) == 1
    assert "280 MB" in said[0]
    assert ensure(tmp_path / "env") == (python, [])
    assert len(fake_pip.calls) == 1


def test_the_tests_extra_is_added_once_and_stays(tmp_path, fake_pip, quick_venv):
    ensure(tmp_path / "env")
    ensure(tmp_path / "env", test=True)
    ensure(tmp_path / "env", test=True)
    ensure(tmp_path / "env")
    assert [plan.extras for plan in fake_pip.calls] == [("cpu",), ("cpu", "test")]


def test_the_checks_extra_stays_when_tests_alone_are_asked_for(tmp_path, fake_pip, quick_venv):
    ensure(tmp_path / "env", test=True, checks=True)
    ensure(tmp_path / "env", test=True)
    assert len(fake_pip.calls) == 1
    ensure(tmp_path / "env", device="cpu")
    assert fake_pip.calls[-1].extras == ("cpu", "test", "check")


def test_a_changed_setup_installs_again(tmp_path, fake_pip, quick_venv, monkeypatch):
    ensure(tmp_path / "env")
    monkeypatch.setattr(environment, "fingerprint", lambda *arguments: "another")
    ensure(tmp_path / "env")
    assert len(fake_pip.calls) == 2


def test_the_fingerprint_follows_the_setup_the_request_and_the_python(tmp_path):
    for name in ("setup.py", "pyproject.toml"):
        (tmp_path / name).write_text("one")
    plan = make_plan(Request(), facts(), machine=LINUX)

    def key(asked=Request(), running=facts(), gpu=False):
        return environment.fingerprint(asked, plan, running, gpu, root=tmp_path)

    first = key()
    assert first == key()
    others = [key(Request(device="cpu")), key(running=facts(python=[3, 12])), key(gpu=True)]
    (tmp_path / "setup.py").write_text("two")
    others.append(key())
    assert len({first, *others}) == 5


def test_an_interrupted_installation_is_repaired(tmp_path, fake_pip, quick_venv):
    def interrupted(plan):
        raise KeyboardInterrupt

    fake_pip.refuse = interrupted
    with pytest.raises(KeyboardInterrupt):
        ensure(tmp_path / "env")
    assert environment.read_stamp(tmp_path / "env")["complete"] is False
    fake_pip.refuse = None
    ensure(tmp_path / "env")
    assert environment.read_stamp(tmp_path / "env")["complete"] is True
    assert len(fake_pip.calls) == 2


def test_an_environment_of_ours_whose_python_is_gone_is_made_anew(tmp_path, fake_pip, quick_venv):
    python, _ = ensure(tmp_path / "env")
    python.unlink()
    assert ensure(tmp_path / "env")[0].exists()
    assert len(fake_pip.calls) == 2


def test_an_unreadable_stamp_is_no_stamp(tmp_path):
    (tmp_path / environment.STAMP_NAME).write_text('{"complete": tr')
    assert environment.read_stamp(tmp_path) == {}


def test_a_folder_with_other_things_in_it_is_refused_and_kept(tmp_path, fake_pip):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="--venv FOLDER"):
        ensure(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"
    with pytest.raises(InputError, match="is a file"):
        ensure(tmp_path / "thesis.txt")


def test_somebodys_own_venv_is_completed_once_and_never_cleared(tmp_path, fake_pip, quick_venv):
    folder = tmp_path / "own"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (folder / "mine").touch()
    ensure(folder)
    ensure(folder)
    assert len(fake_pip.calls) == 1 and (folder / "mine").exists()
    assert environment.read_stamp(folder)["ours"] is False


def test_a_gpu_wheel_that_does_not_start_gives_way_to_the_cpus(
    tmp_path, fake_pip, quick_venv, monkeypatch
):
    monkeypatch.setattr(environment, "gpu_answers", lambda: True)
    monkeypatch.setattr(environment_plan.platform, "system", lambda: "Linux")
    monkeypatch.setattr(environment_plan.platform, "machine", lambda: "x86_64")
    fake_pip.refuse = lambda plan: plan.wheel == "gpu"
    _, said = ensure(tmp_path / "env")
    assert [plan.extras for plan in fake_pip.calls] == [("gpu",), ("cpu",)]
    assert any("for the CPU instead" in line for line in said)
    ensure(tmp_path / "env")  # and is not tried again each time
    assert len(fake_pip.calls) == 2
    with pytest.raises(InputError, match="does not start"):
        ensure(tmp_path / "env", device="gpu")


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize("version", [(3, 8), (2, 7), (3, 13), (3, 14)])
def test_other_pythons_are_refused_in_a_sentence(version):
    with pytest.raises(InputError, match=r"3\.9 to 3\.12"):
        environment.check_python(version)


@pytest.mark.skipif(os.name == "nt", reason="shell scripts")
def test_the_refusal_names_a_python_that_is_installed(tmp_path, monkeypatch):
    program(tmp_path, "python3.10", "exit 0")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match=r"with python3\.10"):
        environment.check_python((3, 13))


def test_a_python_without_ensurepip_is_told_what_to_install(tmp_path, fake_pip, monkeypatch):
    bare = facts(ensurepip=False)
    monkeypatch.setattr(environment, "interpreter_facts", lambda python: bare)
    with pytest.raises(InputError, match=r"apt install python3\.11-venv.*pip install virtualenv"):
        ensure(tmp_path / "env")


@pytest.mark.parametrize(
    "output, kind, words",
    [
        (
            "WARNING: Retrying ... [Errno -3] Temporary failure in name resolution\n"
            "ERROR: No matching distribution found for setuptools>=64\n",
            pip_progress.UnreachableError,
            "check the network",
        ),
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] "
            "No space left on device\n",
            pip_progress.UnreachableError,
            "disk is full",
        ),
        (
            "ERROR: Could not find a version that satisfies the requirement paddlepaddle==9.9\n"
            "ERROR: No matching distribution found for paddlepaddle==9.9\n",
            pip_progress.InstallError,
            "No matching distribution found for paddlepaddle==9.9",
        ),
    ],
)
def test_what_pip_says_becomes_one_sentence(tmp_path, output, kind, words):
    error = pip_progress.failure(output, tmp_path / "log")
    assert type(error) is kind and words in str(error)
    assert "\n" not in str(error)


def test_only_large_downloads_are_named():
    said = []
    for line in (
        "  Downloading paddlepaddle-3.3.1-cp311-cp311-manylinux1_x86_64.whl (194.8 MB)\n",
        "Downloading tqdm-4.70.1-py3-none-any.whl (78 kB)\n",
        "Downloading six-1.17.0-py2.py3-none-any.whl (1.1 MB)\n",
        "Installing collected packages: six, tqdm, paddlepaddle\n",
    ):
        pip_progress._report(line, said.append)
    assert said == ["  downloading paddlepaddle-3.3.1 (195 MB)", "  installing 3 packages"]


# ---------------------------------------------------------------- the doors


@pytest.mark.parametrize("tool", ["quickstart.py", "test.py"])
def test_the_doors_answer_without_installing_anything(tool):
    # -I -S: a Python without any package
    answer = subprocess.run(
        [sys.executable, "-I", "-S", str(ROOT / "tools" / tool), "-h"],
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0 and "--venv" in answer.stdout


class Runner:
    """Notes commands; the one named in ``fail`` ends with that status."""

    def __init__(self, **fail):
        self.tools, self.commands, self.fail = [], [], fail

    def __call__(self, command, cwd):
        self.commands.append(command)
        self.tools.append(Path(command[1]).stem)
        return self.fail.get(self.tools[-1], 0)


def quick(root, runner, **options):
    said = []
    status = quickstart.run_steps("python", root, run=runner, say=said.append, **options)
    return status, "\n".join(said)


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def test_the_quickstart_prepares_trains_measures_and_answers(tmp_path):
    runner = Runner()
    status, said = quick(tmp_path, runner)
    assert status == 0 and runner.tools == ["prepare", "train", "eval", "infer"]
    assert all(command[2:4] == ["--dataset", "sample"] for command in runner.commands)
    assert runner.commands[-1][-4:] == ["--text", quickstart.QUERY, "--save", quickstart.PICTURE]
    assert "$ python tools/train.py --dataset sample" in said
    assert "R@1 of 25" in said and str(tmp_path / quickstart.PICTURE) in said


def test_it_stops_at_the_first_failure_with_its_status(tmp_path):
    runner = Runner(eval=2)
    status, said = quick(tmp_path, runner)
    assert status == 2 and runner.tools == ["prepare", "train", "eval"]
    assert "tools/eval.py stopped with exit status 2" in said


def test_finished_training_is_not_repeated_unless_asked(tmp_path):
    touch(tmp_path / quickstart.BEST)
    runner = Runner()
    _, said = quick(tmp_path, runner)
    assert "train" not in runner.tools and "--again" in said
    quick(tmp_path, runner, again=True)
    assert "train" in runner.tools


def test_training_that_was_cut_off_goes_on(tmp_path):
    runner = Runner(train=130)
    assert quick(tmp_path, runner)[0] == 130
    touch(tmp_path / quickstart.BEST)
    touch(tmp_path / quickstart.LAST)
    runner = Runner()
    quick(tmp_path, runner)
    assert runner.commands[1][-2:] == ["-o", f"checkpoint={quickstart.LAST}"]
    runner = Runner()  # this time it came to its end
    quick(tmp_path, runner)
    assert "train" not in runner.tools


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL there")
def test_a_command_killed_by_a_signal_is_a_failure(tmp_path):
    script = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert quickstart.run_command([sys.executable, "-c", script], tmp_path) == 137


def test_the_stamp_is_plain_json(tmp_path):
    environment.write_stamp(tmp_path, {"complete": True})
    assert json.loads((tmp_path / environment.STAMP_NAME).read_text()) == {"complete": True}
