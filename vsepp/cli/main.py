"""``vsepp``: one door to every command, the same code as ``tools/*.py``."""

import difflib
import importlib
import sys

import vsepp
from vsepp.system.errors import InputError
from vsepp.system.invocation import called_as

#: what each command is for; its code is the module of that name beside this one
COMMANDS = {
    "prepare": "make a data set of captions and photographs",
    "features": "compute a frozen backbone's features once",
    "train": "train on a prepared data set",
    "eval": "score a checkpoint on a split",
    "infer": "sentences for an image, or images for a sentence",
    "caption": "sentences of a captioner's own for photographs",
    "search": "index and search your own photographs",
    "demo": "search in the browser",
    "report": "a checkpoint's evaluation as one HTML page",
    "convert": "turn other people's files into ours, and ours into theirs",
    "export": "write a model for programs without this package (Paddle Inference, ONNX)",
    "info": "say what a file or folder is and was made with",
}


def usage(called):
    """What ``-h`` prints."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {meaning}" for name, meaning in COMMANDS.items()]
    return "\n".join(
        [
            f"usage: {called} COMMAND …",
            "",
            "Find photographs with words, and words for photographs.",
            "",
            *lines,
            "",
            f"`{called} COMMAND -h` says what a command takes; `{called} --version` the version.",
        ]
    )


def main(argv=None, called="vsepp"):
    """Run the command that the first word names.

    Args:
        argv: the words after the program's name; None: those of this process, which then ends
            with what is returned.
        called: what the user typed to come here.

    Returns:
        int: the exit status.
    """
    from vsepp.cli.command import leave, run

    words = sys.argv[1:] if argv is None else list(argv)
    own = None if argv is None else words[1:]  # None: the process is the command's own

    def choose(_):
        if not words:
            print(usage(called), file=sys.stderr)
            return 2
        name = words[0]
        if name in ("-h", "--help"):
            print(usage(called))
            return 0
        if name in ("-V", "--version"):
            print(f"vsepp {vsepp.__version__}")
            return 0
        if name.startswith("-"):
            raise InputError(
                f"the command comes first, before {name}: {called} COMMAND … (`{called} -h` lists "
                "them all)."
            )
        if name not in COMMANDS:
            close = difflib.get_close_matches(name.lower(), COMMANDS, n=1, cutoff=0.0)
            raise InputError(
                f"there is no command {name!r}; the nearest is {close[0]!r} "
                f"(`{called} -h` lists them all)."
            )
        called_as(called, name)
        return importlib.import_module(f"vsepp.cli.{name}").main(words[1:])

    try:
        status = run(choose, own)
    finally:
        if argv is not None:
            called_as(None)
    if argv is None and words[:1] == ["demo"]:
        leave(status)  # as tools/demo.py does
    return status
