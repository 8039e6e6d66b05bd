"""A process that runs the tools in copies of itself, each of which may be killed.

Importing Paddle takes seconds and a tiny run less; so it is imported once, and every run is a
fork: a process of its own, that runs ``tools/<name>.py`` from its first line. It reads one JSON
object per line, ``{"tool", "arguments", "folder", "output", "kill_at", "signals", "limits",
"powerless", "undrawn"}``, and answers with the number of the process, then with its exit status
and the seconds that it computed. How many writes there were, and when the first signal was sent,
stands in files beside the output.
"""

import ctypes
import importlib
import json
import os
import resource
import runpy
import signal
import sys
import threading
import time
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


def send_signals(numbers, whole_group, gap, note):
    """Send signals to this process; all but the first come from a thread, ``gap`` seconds apart.

    Args:
        numbers: of the signals.
        whole_group: to its workers as well, as a terminal does.
        gap: seconds.
        note: name of the file that is told the time.
    """
    process = os.getpid()

    def send(number):
        try:
            (os.killpg if whole_group else os.kill)(process, number)
        except ProcessLookupError:
            pass

    def send_more():
        for number in numbers[1:]:
            time.sleep(gap)
            send(number)

    Path(note).write_text(f"{time.monotonic()} {time.process_time()}")
    if numbers[1:]:
        threading.Thread(target=send_more, daemon=True).start()
    send(numbers[0])


def find(place):
    """(what has it, its name there, the function) of a place, see :func:`call_before`."""
    module, _, path = place.rstrip("*").partition(":")
    owner = importlib.import_module(module)
    *classes, name = path.split(".")
    for each in classes:
        owner = getattr(owner, each)
    return owner, name, getattr(owner, name)


def call_before(place, nth, action):
    """Call ``action`` right before the ``nth`` call, from 1, of a function.

    Args:
        place: ``"module:name"`` or ``"module:Class.name"``; with a ``*`` after it, right after.
    """
    afterwards = place.endswith("*")
    process, calls = os.getpid(), []
    owner, name, function = find(place)

    def act():
        calls.append(1)
        if len(calls) == nth and os.getpid() == process:
            action()

    def call(*arguments, **options):
        if not afterwards:
            act()
        result = function(*arguments, **options)
        if afterwards:
            act()
        return result

    setattr(owner, name, call)


def draw_dots():
    """Leave a training's pictures out, which take most of a tiny one's time."""
    from PIL import Image

    from vsepp.report import training_listener

    training_listener.show_queries = lambda *_: Image.new("RGB", (8, 8))
    training_listener.draw_curves = lambda history, path: None


def lead_a_session():
    """Be what a terminal would start: a group of its own, which hears Ctrl-C."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


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
    if order.get("undrawn"):
        draw_dots()
    if "signals" in order:
        lead_a_session()
        signals = order["signals"]
        if signals.get("place"):
            call_before(
                signals["place"],
                signals["nth"],
                lambda: send_signals(
                    signals["numbers"],
                    signals["whole_group"],
                    signals["gap"],
                    order["output"] + ".signalled",
                ),
            )
        runpy.run_path(str(tool), run_name="__main__")
        raise SystemExit  # with the ends of threads and all else that Python does at an end
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
    import visualdl  # noqa: F401

    import vsepp  # noqa: F401 - first: it sets what the numerical libraries read
    import vsepp.convert.backbone  # noqa: F401
    import vsepp.convert.pdparams  # noqa: F401
    import vsepp.data.sample
    import vsepp.index.updating  # noqa: F401
    import vsepp.report.evaluation_page  # noqa: F401
    import vsepp.report.training_listener  # noqa: F401
    import vsepp.retrieval.gallery  # noqa: F401
    import vsepp.training.loop  # noqa: F401
    import vsepp.training.retrieval  # noqa: F401

    vsepp.data.sample.draw_sample.__defaults__ = (12, 4, 4, 0)  # 20 pictures in place of 2,200
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if not child:
            if "signals" in order:
                return run_tool(order)
            try:
                run_tool(order)
            finally:
                os._exit(70)
        print(child, flush=True)
        _, status, usage = os.wait4(child, 0)
        ended = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        print(ended, usage.ru_utime + usage.ru_stime, flush=True)


if __name__ == "__main__":
    main()
