#!/usr/bin/env python3
"""Command two: the tests, in an environment that has what they need."""
import os
import sys

if sys.version_info < (3, 9):  # before any import that an old Python could not read
    sys.stderr.write("error: Python 3.9 to 3.12 is needed, this is %d.%d.\n" % sys.version_info[:2])
    sys.exit(2)
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

import argparse

from vsepp import environment
from vsepp.cli.command import run
from vsepp.quickstart import run_command


def main(argv=None):
    parser = argparse.ArgumentParser(
        description="Make the environment and run the tests in it. Further arguments go to "
                    "pytest, e.g. `python3 tools/test.py -- -m slow`.", allow_abbrev=False)
    environment.add_arguments(parser)
    arguments, further = parser.parse_known_args(argv)
    if "--" in further:
        further.remove("--")
    python = environment.ensure(environment.request(arguments, test=True))
    return run_command([str(python), "-m", "pytest", *further], environment.ROOT)


if __name__ == "__main__":
    sys.exit(run(main))
