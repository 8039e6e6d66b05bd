"""What every command shares: its arguments, its exit codes, its words for a mistake."""

import argparse
import errno
import os
import signal
import sys
import time
import warnings

from vsepp.system.errors import InputError, memory_exhausted
from vsepp.system.invocation import program
from vsepp.system.launched import process_count, process_number
from vsepp.system.printable import printable

_MENDS = {
    errno.ENOSPC: "no space is left there; free some or choose another folder",
    errno.EDQUOT: "the disk quota there is used up; free some or choose another folder",
    errno.EFBIG: "the file may not grow that large; raise the limit or choose another disk",
    errno.EACCES: "permission denied; choose a folder that you may write, or change its mode",
    errno.EPERM: "permission denied; choose a folder that you may write, or change its mode",
    errno.EROFS: "the disk there is read-only; choose another folder",
    errno.EISDIR: "it is a folder; give a file name",
    errno.ENOTDIR: "a part of that path is a file; choose another path",
    errno.EEXIST: "a file of that name is in the way; move it or choose another path",
    errno.ENOENT: "there is no such file or folder; check the path",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
}


# A launcher shows what the leader says as long as none of its processes has ended: so long do the
# leader, and the others, stay after a failure.
_SEEN_SECONDS = (0.3, 1.0)


class Interrupted(BaseException):
    """SIGTERM arrived; like KeyboardInterrupt, but exits with status 143."""


def parser(description, dataset=True):
    """An argument parser with what every tool takes: -c, -o, --dataset, --data-dir."""
    result = argparse.ArgumentParser(
        prog=program(),
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    if dataset:
        result.add_argument(
            "-c",
            "--config",
            metavar="CONFIG",
            help="a YAML file, or the name of a bundled configuration",
        )
        result.add_argument(
            "-o",
            "--override",
            metavar="KEY=VALUE",
            nargs="+",
            action="extend",
            default=[],
            help="set single keys of the configuration",
        )
        result.add_argument(
            "--dataset",
            metavar="NAME",
            help="name of the data set (default: flickr8k when it is prepared, else sample)",
        )
        result.add_argument(
            "--data-dir", metavar="FOLDER", help="folder that holds the data sets (default: ./data)"
        )
    return result


def subcommand(description):
    """Keywords for ``add_parser`` of a command within a command: it takes the same."""
    shared = parser("")
    return {
        "description": description,
        "parents": [shared],
        "add_help": False,
        "formatter_class": shared.formatter_class,
    }


def _raise_interrupted(signum, frame):
    raise Interrupted


def _discard_output():
    """Let nothing be said at the process's end about output that cannot be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _output_fails():
    """Whether standard output takes no more, such as a file on a full disk."""
    try:
        print(flush=True)  # without PYTHONUNBUFFERED a flush would do
    except OSError:
        _discard_output()
        return True
    return False


def _end_at_signals():
    """Let a signal end the process at once and silently: there is nothing left to lose.

    What Python and Paddle do at a process's end would show a traceback for it.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda signum, frame: os._exit(128 + signum))


def run(main, argv=None):
    """As :func:`run_alone`. A process that was launched with others ends without being taken
    apart: Paddle's connections would wait for theirs, or complain of them."""
    if argv is not None or process_count() == 1:
        return run_alone(main, argv)
    try:
        status = run_alone(main)
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 1
    if status:
        time.sleep(_SEEN_SECONDS[process_number() > 0])
    leave(status)


def run_alone(main, argv=None):
    """Run ``main(argv)`` and return the process's exit status.

    0 when the job was done, 2 for a user's mistake (one sentence on standard error),
    130 after Ctrl-C, 143 after SIGTERM, 141 when the reader of its output has gone. Any
    other exception is a bug and keeps its traceback.

    Without ``argv`` the process is the tool's own, and has to end with this status: whatever
    signal arrives after that is known ends it at once.
    """
    try:
        return _run(main, argv)
    except (KeyboardInterrupt, Interrupted) as error:
        if argv is None:
            _end_at_signals()
        by_hand = isinstance(error, KeyboardInterrupt)
        print("Interrupted." if by_hand else "Terminated.", file=sys.stderr, flush=True)
        return 130 if by_hand else 143
    finally:
        if argv is None:
            _end_at_signals()


def _run(main, argv):
    """As :func:`run`, but for signals, which raise."""
    from vsepp.system.threads import set_thread_variables

    set_thread_variables()
    # Paddle looks for a compiler cache at each start, and says so when there is none.
    warnings.filterwarnings("ignore", message="No ccache found")
    # Of a batch-norm that trains, which is what is wanted.
    warnings.filterwarnings("ignore", message="When training, we now always track")
    signal.signal(signal.SIGTERM, _raise_interrupted)
    for name in ("stdout", "stderr"):  # None where the caller has closed them
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))
    if hasattr(sys.stdout, "reconfigure"):  # what the terminal cannot show ends nothing
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status = main(argv) or 0
        sys.stdout.flush()
        return status
    except InputError as error:
        print(f"error: {printable(str(error))}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of our output, such as `head`, has gone
        _discard_output()
        return 141
    except OSError as error:
        name = error.filename or ("the output" if _output_fails() else None)
        if error.errno not in _MENDS or name is None:
            raise
        print(f"error: {printable(str(name))}: {_MENDS[error.errno]}.", file=sys.stderr)
        return 2
    except (MemoryError, RuntimeError, SystemError) as error:  # as Paddle reports it
        if not memory_exhausted(error):
            raise
        print(
            "error: the memory is exhausted: set a smaller batch_size, device=cpu, or end other "
            "programs that use it.",
            file=sys.stderr,
        )
        return 2
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "paddle":
            raise
        print(
            "error: PaddlePaddle is not installed: run `pip install paddlepaddle` (CPU) or "
            "follow https://www.paddlepaddle.org.cn/install/quick for a GPU.",
            file=sys.stderr,
        )
        return 2


def leave(status):
    """End the process with an exit status, without taking it apart first.

    For a command that is waited for until it is gone: taking Paddle and Gradio apart takes a
    second of the processor. What must be cleaned up has been.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            status = status or 1
    os._exit(status)
