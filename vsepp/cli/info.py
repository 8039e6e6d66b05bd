"""``vsepp info``."""

import json
import math

from vsepp.cli.command import parser
from vsepp.system.errors import InputError
from vsepp.system.printable import printable

DESCRIPTION = """Say what a file or folder is and what it was made with.

A checkpoint, an index of photographs, stored features, a prepared data set, a converted backbone.
Of a checkpoint's configuration the keys are shown that differ from the defaults."""


def main(argv=None):
    """Describe one file or folder; returns the exit status."""
    commands = parser(DESCRIPTION, dataset=False)
    commands.add_argument("file", metavar="FILE", help="the file or folder")
    commands.add_argument(
        "--json", metavar="FILE", help="the same as JSON (-: on the output, in place of the text)"
    )
    arguments = commands.parse_args(argv)
    from pathlib import Path

    from vsepp.cli.contents import describe
    from vsepp.system.atomic import write_text

    if arguments.json not in (None, "-"):
        described, target = Path(arguments.file).resolve(), Path(arguments.json).resolve()
        if described in (target, *target.parents):
            raise InputError(
                f"--json: {arguments.json} is, or lies in, what is described: give another name."
            )
    about = describe(arguments.file)
    # ASCII: a file's name may hold any bytes
    text = json.dumps(_finite(about), indent=2, allow_nan=False)
    if arguments.json == "-":
        print(text)
        return 0
    if arguments.json:
        write_text(arguments.json, text + "\n")
    print(in_lines(about))
    return 0


def _finite(value):
    """The same without NaN and infinity, for which JSON has no word."""
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list):
        return list(map(_finite, value))
    return None if isinstance(value, float) and not math.isfinite(value) else value


def in_lines(about):
    """A description as one line for each entry; what would steer a terminal is escaped."""
    entries = [
        (printable(key.replace("_", " ")), printable(_shown(key, value)))
        for key, value in about.items()
        if value is not None and value != [] and value != {}
    ]
    width = max(len(name) for name, _ in entries)
    return "\n".join(f"{name:{width}}  {value}" for name, value in entries)


def _shown(key, value):
    if isinstance(value, bool):
        return "yes" if value else "no"
    if key == "bytes":
        return f"{value / 1e6:.1f} MB" if value >= 1e6 else f"{value / 1e3:.1f} kB"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, int):
        return f"{value:,}" if value >= 10_000 else str(value)
    if isinstance(value, dict):
        return ", ".join(
            f"{name}: {_shown(name, part)}" if isinstance(part, dict) else f"{name} {_text(part)}"
            for name, part in value.items()
        )
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return str(value)


def _text(value):
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return f"{value:g}" if isinstance(value, float) else str(value)
