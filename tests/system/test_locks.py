"""One process at a time."""

import os
import signal
import subprocess
import sys

import pytest

from vsepp.system.errors import InputError
from vsepp.system.locks import only_one, tidy


def test_the_second_is_refused_until_the_first_is_through(tmp_path):
    path = tmp_path / "lock"
    with only_one(path, "somebody else is at work."):
        with pytest.raises(InputError, match="somebody else is at work."):
            with only_one(path, "somebody else is at work."):
                pass
    with only_one(path, "…"):
        pass
    with pytest.raises(KeyError):
        with only_one(path, "…"):
            raise KeyError
    with only_one(path, "…"):
        pass


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL there")
def test_a_crash_leaves_no_lock_behind(tmp_path):
    path = tmp_path / "lock"
    script = (
        "import os, signal\nfrom vsepp.system.locks import only_one\n"
        f"with only_one({str(path)!r}, ''):\n"
        "    print('held', flush=True)\n    input()"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    holder = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        env=environment,
    )
    with holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(InputError, match="taken"):
            with only_one(path, "taken"):
                pass
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    with only_one(path, "taken"):
        pass
    assert not path.exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork there")
def test_a_worker_that_outlives_the_holder_does_not_hold_its_lock(tmp_path):
    path = tmp_path / "lock"
    reading, writing = os.pipe()
    with only_one(path, "taken"):
        child = os.fork()
        if not child:
            os.read(reading, 1)
            os._exit(0)
    with only_one(path, "taken"):
        pass
    os.write(writing, b"x")
    os.waitpid(child, 0)
    os.close(reading)
    os.close(writing)


def test_what_a_crash_left_is_tidied_unless_it_is_held(tmp_path):
    path = tmp_path / "lock"
    tidy(path)
    path.touch()
    tidy(path)
    assert not path.exists()
    with only_one(path, "taken"):
        tidy(path)
        assert path.exists()
