"""One process at a time."""

import os
import signal
import subprocess
import sys

import pytest

from vsepp.errors import InputError
from vsepp.files.locks import only_one


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
    script = ("import os, signal\nfrom vsepp.files.locks import only_one\n"
              f"with only_one({str(path)!r}, ''):\n"
              "    print('held', flush=True)\n    input()")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    holder = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE,
                              stdin=subprocess.PIPE, env=environment)
    with holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(InputError, match="taken"):
            with only_one(path, "taken"):
                pass
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    with only_one(path, "taken"):
        pass
