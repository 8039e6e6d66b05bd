"""A process that runs the tools in copies of itself, each of which may be killed.

Importing Paddle takes seconds and a tiny run less; so it is imported once, and every run is a
fork: a process of its own, that runs ``tools/<name>.py`` from its first line. It reads one JSON
object per line, ``{"tool", "arguments", "folder", "output", "kill_at", "limits",
"powerless"}``, and answers
with the number of the process, then with its exit status and how many writes there were.
"""

import ctypes
import json
import os
import resource
import runpy
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WRITES = ("replace", "rename", "fsync", "unlink", "remove", "link", "mkdir", "rmdir")


def count_writes(kill_at, report):
    """Count the calls that change what is on the disk; end the process at one of them.

    Args:
        kill_at: number of the call, from 1; ``n + 0.5`` is right after the ``n``-th.
        report: file that is told the count after each.
    """
    done = 0

    def counted(function):
        def call(*arguments, **options):
            nonlocal done
            done += 1
            if kill_at == done:
                os.kill(os.getpid(), signal.SIGKILL)
            result = function(*arguments, **options)
            if kill_at == done + 0.5:
                os.kill(os.getpid(), signal.SIGKILL)
            os.pwrite(report, f"{done:9}".encode(), 0)
            return result

        return call

    for name in WRITES:
        setattr(os, name, counted(getattr(os, name)))


def drop_capabilities():
    """Let permissions count for root too."""
    library = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # version 3, this process
    if library.capset(header, (ctypes.c_uint32 * 6)()):
        raise OSError(ctypes.get_errno(), "capset")


def run_tool(order):
    """Run a tool in this process, which ends with it."""
    os.chdir(order["folder"])
    output = os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(output, 1)
    os.dup2(output, 2)
    report = os.open(order["output"] + ".writes", os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
    for name, value in (order.get("limits") or {}).items():
        resource.setrlimit(getattr(resource, name), (value, value))
    if order.get("powerless"):
        drop_capabilities()
    count_writes(order.get("kill_at"), report)
    tool = ROOT / "tools" / f"{order['tool']}.py"
    sys.argv = [str(tool), *order["arguments"]]
    try:
        runpy.run_path(str(tool), run_name="__main__")
    except SystemExit as ending:
        status = ending.code or 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
        status = 1
    else:
        status = 0
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status if isinstance(status, int) else 1)


def main():
    """Fork for each line of the input, until it ends."""
    sys.path[:0] = [str(ROOT), str(ROOT / "tools")]
    import vsepp  # noqa: F401 - first: it sets what the numerical libraries read
    import vsepp.conversion  # noqa: F401
    import vsepp.gallery  # noqa: F401
    import vsepp.index.updating  # noqa: F401
    import vsepp.report.evaluation_page  # noqa: F401
    import vsepp.training  # noqa: F401
    import visualdl  # noqa: F401

    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if not child:
            try:
                run_tool(order)
            finally:
                os._exit(70)
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        ended = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        print(ended, flush=True)


if __name__ == "__main__":
    main()
