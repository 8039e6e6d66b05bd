"""What ``python -m paddle.distributed.launch`` says to the processes that it starts.

Read from the environment alone, so that it is known before Paddle is imported.
"""

from __future__ import annotations

import ctypes
import os
import signal
import stat
import sys

_PR_SET_PDEATHSIG = 1  # of prctl(2)
_screen: int | None = None  # what the launcher's messages go to


def process_count() -> int:
    """Processes of the job; 1 where nobody launched several."""
    return _number("PADDLE_TRAINERS_NUM", 1)


def process_number() -> int:
    """Which of them this is, from 0."""
    return _number("PADDLE_TRAINER_ID", 0) if process_count() > 1 else 0


def processes_here() -> int:
    """How many of them run on this machine."""
    if process_count() == 1:
        return 1
    own = os.environ.get("PADDLE_CURRENT_ENDPOINT", "").rpartition(":")[0]
    return max(1, _hosts().count(own)) if own else process_count()


def leader_host() -> str:
    """The machine of process 0, as the others reach it."""
    first = (_hosts() or [os.environ.get("PADDLE_MASTER", "").rpartition(":")[0]])[0]
    return first or "127.0.0.1"


def _hosts() -> list[str]:
    """The machine of every process, that of number 0 first."""
    ends = os.environ.get("PADDLE_TRAINER_ENDPOINTS", "").split(",")
    return [each.rpartition(":")[0] for each in ends if each]


def _number(name: str, otherwise: int) -> int:
    value = os.environ.get(name, "")
    return int(value) if value.isdecimal() else otherwise


def stay_with_launcher() -> None:
    """Have this process get SIGTERM when its launcher ends, and keep a way to the launcher's
    screen, where the system is Linux.

    One of Paddle's launchers ends at SIGTERM without a word to the processes it started.
    """
    global _screen
    if not sys.platform.startswith("linux"):
        return
    parent = os.getppid()
    _screen = _opened(f"/proc/{parent}/fd/2")
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    except (OSError, AttributeError):
        return
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)


def _opened(path: str) -> int | None:
    """A descriptor to write to, or None. A plain file is none: the launcher would write over it."""
    try:
        if stat.S_ISREG(os.stat(path).st_mode):
            return None
        return os.open(path, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError:
        return None


def tell_launcher(line: str) -> bool:
    """Say something where the launcher's own messages go: from a signal on, or once one of its
    processes has ended, it shows nothing of what they print.

    Returns:
        bool: whether it was said.
    """
    if _screen is None:
        return False
    try:
        os.write(_screen, f"{line}\n".encode("utf-8", "backslashreplace"))
    except OSError:
        return False
    return True
