"""The tests, and on request the checks before them, in an environment that has what they need."""

import argparse

from vsepp.bootstrap import environment
from vsepp.bootstrap.quickstart import run_command

#: What `--checks` runs, as arguments of Python; their settings are in pyproject.toml.
CHECKS = (
    ("-m", "ruff", "format", "--check", "."),
    ("-m", "ruff", "check", "."),
    ("-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"),
    ("-m", "mypy"),
)

#: As many processes as there are cores, each of which takes whole files: about 1 GB each.
PARALLEL = ("-n", "auto", "--maxprocesses", "4", "--dist", "loadfile")


def main(argv=None):
    """What ``python3 tools/test.py`` does."""
    parser = argparse.ArgumentParser(
        description="Make the environment and run the tests in it. Further arguments go to "
        "pytest, e.g. `python3 tools/test.py -- -m slow`, or `-- -n 0` for one process.",
        allow_abbrev=False,
    )
    environment.add_arguments(parser)
    parser.add_argument(
        "--checks",
        action="store_true",
        help="first check format, code, layers and types, as continuous integration does",
    )
    arguments, further = parser.parse_known_args(argv)
    if "--" in further:
        further.remove("--")
    asked = environment.request(arguments, test=True, checks=arguments.checks)
    python = str(environment.ensure(asked))
    for check in CHECKS if arguments.checks else ():
        status = run_command([python, *check], environment.ROOT)
        if status:
            return status
    return run_command([python, "-m", "pytest", *PARALLEL, *further], environment.ROOT)
