"""Running the tools as processes, killing them, and looking at what they leave."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

STRAYS = (".writing", ".part", ".partial.npy", ".partial.json", ".lock", "journal.jsonl",
          "journal.codes")


class Ended(NamedTuple):
    """How a process ended.

    Attributes:
        status: its exit status; minus the number of the signal that ended it.
        output: standard output and error.
        writes: calls that changed what is on the disk.
        seconds: that it took.
    """

    status: int
    output: str
    writes: int
    seconds: float


class Tools:
    """Runs the tools, each in a process of its own; a context manager.

    Args:
        scratch: folder for their output.
    """

    def __init__(self, scratch):
        self._output = Path(scratch) / "output.txt"
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "no_proxy": "*", "COLUMNS": "100"}
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("forking.py"))], env=environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def start(self, folder, tool, *arguments, kill_at=None, limits=None, powerless=False):
        """Start a tool; returns the number of its process. :meth:`wait` has to follow.

        Args:
            folder: where it runs.
            tool: its name.
            arguments: of its command line.
            kill_at: see ``forking.count_writes``.
            limits: ``{name in resource: value}``.
            powerless: whether permissions count although the tests run as root.
        """
        order = {"tool": tool, "arguments": [str(word) for word in arguments],
                 "folder": str(folder), "output": str(self._output), "kill_at": kill_at,
                 "limits": limits, "powerless": powerless}
        self._begin = time.monotonic()
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def wait(self):
        """Wait for the process's end; returns an :class:`Ended`."""
        status = int(self._process.stdout.readline())
        seconds = time.monotonic() - self._begin
        writes = Path(f"{self._output}.writes").read_text()
        return Ended(status, self._output.read_text(errors="replace"), int(writes or 0), seconds)

    def run(self, folder, tool, *arguments, kill_after=None, **options):
        """Run a tool to its end, or until ``kill_after`` seconds are over."""
        process = self.start(folder, tool, *arguments, **options)
        timer = kill_after is not None and threading.Timer(kill_after, _kill, [process])
        if timer:
            timer.start()
        ended = self.wait()
        if timer:
            timer.cancel()
            timer.join()
        return ended


def _kill(process):
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        pass


def files_below(folder):
    """``{relative path: content}`` of every file below a folder."""
    folder = Path(folder)
    return {path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*")) if path.is_file()}


def strays(folder):
    """What lies below a folder that a run makes for its own use alone.

    The folder of a training that was killed stays as it was: each has one of its own.
    """
    return [name for name in files_below(folder)
            if name.endswith(STRAYS) and not name.startswith("runs/")]
