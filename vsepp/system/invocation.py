"""How this process was called, so that messages name commands in the way that works here."""

import shlex
import sys
from pathlib import Path
from typing import Optional

_CHECKOUT_TOOLS = Path(__file__).resolve().parents[2] / "tools"

# Set by the console script and by ``python -m vsepp``: what stands before a command's name.
_console: Optional[str] = None
_running: Optional[str] = None


def called_as(console: Optional[str], running: Optional[str] = None) -> None:
    """Say how the process was called.

    Args:
        console: ``vsepp`` or ``python -m vsepp``; None: by ``tools/*.py``, or from Python.
        running: the command that runs, such as ``train``.
    """
    global _console, _running
    _console, _running = console, running


def program() -> Optional[str]:
    """What the usage line of the command that runs begins with; None: its file's name."""
    return f"{_console} {_running}" if _console and _running else _console


def tool(name: str) -> str:
    """A command as it is spoken of: ``tools/eval.py``, or ``vsepp eval``.

    In a process that is no tool of ours, such as a notebook, a checkout has its ``tools`` and
    an installed package the console script.
    """
    if _console:
        return f"{_console} {name}"
    door = Path(sys.argv[0]) if sys.argv and sys.argv[0] else Path()
    if door.suffix == ".py" and door.resolve().parent == _CHECKOUT_TOOLS:
        return shlex.quote((door.parent / f"{name}.py").as_posix())
    return f"tools/{name}.py" if (_CHECKOUT_TOOLS / "prepare.py").is_file() else f"vsepp {name}"


def command(name: str, *words: object) -> str:
    """A command that runs as printed: ``python tools/train.py --dataset 'my birds'``.

    Args:
        name: such as ``train``.
        words: its arguments; each is quoted where a shell would take it apart.
    """
    called = tool(name)
    start = f"python {called}" if called.rstrip("'").endswith(".py") else called
    return " ".join((start, *map(quoted, words)))


def quoted(word: object) -> str:
    """A word or path as a shell reads it back."""
    return shlex.quote(str(word))
