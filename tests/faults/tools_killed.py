"""Running the tools as processes, killing them, and looking at what they leave."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple, Optional

STRAYS = (
    ".writing",
    ".part",
    ".partial.npy",
    ".partial.json",
    ".lock",
    "journal.jsonl",
    "journal.codes",
)
LIBRARIES_STRAYS = (".tmp", "tmp")  # so names of chance begin


class Ended(NamedTuple):
    """How a process ended.

    Attributes:
        status: its exit status; minus the number of the signal that ended it.
        output: standard output and error.
        writes: calls that changed what is on the disk.
        seconds: that it took.
        stopping: seconds from the first signal to its end; None where none was sent.
        work: of those, how many it computed (itself, not its workers); None where another
            process sent the signal.
        left: what the processes that it left behind run, see :func:`left_behind`.
    """

    status: int
    output: str
    writes: int
    seconds: float
    stopping: Optional[float] = None
    work: Optional[float] = None
    left: tuple = ()


class Signals(NamedTuple):
    """What a run sends to itself, and when.

    Attributes:
        numbers: of the signals.
        place: see ``forking.call_before``; None when somebody else sends them.
        nth: call of it.
        whole_group: whether its workers get them too, as from a terminal.
        gap: seconds between two.
    """

    numbers: tuple = ()
    place: Optional[str] = None
    nth: int = 1
    whole_group: bool = True
    gap: float = 0.05


class Tools:
    """Runs the tools, each in a process of its own; a context manager.

    Args:
        scratch: folder for their output.
    """

    def __init__(self, scratch):
        self._output = Path(scratch) / "output.txt"
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "no_proxy": "*", "COLUMNS": "100"}
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("forking.py"))],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def start(
        self,
        folder,
        tool,
        *arguments,
        kill_at=None,
        limits=None,
        powerless=False,
        signals=None,
        undrawn=False,
    ):
        """Start a tool; returns the number of its process. :meth:`wait` has to follow.

        Args:
            folder: where it runs.
            tool: its name.
            arguments: of its command line.
            kill_at: see ``forking.count_writes``.
            limits: ``{name in resource: value}``.
            powerless: whether permissions count although the tests run as root.
            signals: a :class:`Signals` that it sends itself, or {} for none: either way it is
                a session of its own and ends as Python ends.
            undrawn: whether a training leaves out its pictures.
        """
        order = {
            "tool": tool,
            "arguments": [str(word) for word in arguments],
            "folder": str(folder),
            "output": str(self._output),
            "kill_at": kill_at,
            "limits": limits,
            "powerless": powerless,
            "undrawn": undrawn,
        }
        if signals is not None:
            order["signals"] = signals and signals._asdict()
        self._signalled = Path(f"{self._output}.signalled")
        self._signalled.unlink(missing_ok=True)
        self._begin = time.monotonic()
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        self._process_id = int(self._process.stdout.readline())
        return self._process_id

    def wait(self):
        """Wait for the process's end; returns an :class:`Ended`."""
        status, computed = self._process.stdout.readline().split()
        end = time.monotonic()
        writes = Path(f"{self._output}.writes").read_text()
        stopping = work = None
        if self._signalled.exists():
            at, *before = map(float, self._signalled.read_text().split())
            stopping = end - at
            work = float(computed) - before[0] if before else None
        return Ended(
            int(status),
            self._output.read_text(errors="replace"),
            int(writes or 0),
            end - self._begin,
            stopping,
            work,
            left_behind(self._process_id),
        )

    def run(self, folder, tool, *arguments, kill_after=None, **options):
        """Run a tool to its end, or until ``kill_after`` seconds are over.

        With ``signals`` that have no place, those are what is sent then, in place of SIGKILL.
        """
        process = self.start(folder, tool, *arguments, **options)
        send, words = _kill, [process]
        if options.get("signals"):
            send, words = _signal, [process, options["signals"], self._signalled]
        timer = kill_after is not None and threading.Timer(kill_after, send, words)
        if timer:
            timer.start()
        ended = self.wait()
        if timer:
            timer.cancel()
            timer.join()
        return ended


def left_behind(session, patience=1.0):
    """Command lines of what lives on in a session after ``patience`` seconds, on Linux."""
    end = time.monotonic() + patience
    while True:
        found = tuple(_members(session))
        if not found or time.monotonic() > end:
            return found
        time.sleep(0.01)


def _members(session):
    for about in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, of = about.read_text(errors="replace").rpartition(")")[2].split()[:4]
            if int(of) == session and state not in "ZX":
                yield about.with_name("cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (OSError, ValueError):
            pass


def _kill(process):
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _signal(process, signals, note):
    try:
        for nth, number in enumerate(signals.numbers):
            if nth:
                time.sleep(signals.gap)
            (os.killpg if signals.whole_group else os.kill)(process, number)
            if not nth:
                note.write_text(str(time.monotonic()))
    except ProcessLookupError:
        pass


def files_below(folder):
    """``{relative path: content}`` of every file below a folder."""
    folder = Path(folder)
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def strays(folder):
    """What lies below a folder that a run makes for its own use alone.

    The folder of a training that was killed stays as it was: each has one of its own.
    """
    return [
        name
        for name in files_below(folder)
        if not name.startswith("runs/")
        and (name.endswith(STRAYS) or Path(name).name.startswith(LIBRARIES_STRAYS))
    ]
