"""The tests, in an environment that has what they need."""

import argparse

from vsepp.bootstrap import environment
from vsepp.bootstrap.quickstart import run_command


def main(argv=None):
    """What ``python3 tools/test.py`` does."""
    parser = argparse.ArgumentParser(
        description="Make the environment and run the tests in it. Further arguments go to "
        "pytest, e.g. `python3 tools/test.py -- -m slow`.",
        allow_abbrev=False,
    )
    environment.add_arguments(parser)
    arguments, further = parser.parse_known_args(argv)
    if "--" in further:
        further.remove("--")
    python = environment.ensure(environment.request(arguments, test=True))
    return run_command([str(python), "-m", "pytest", *further], environment.ROOT)
