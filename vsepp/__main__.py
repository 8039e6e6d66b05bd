"""``python -m vsepp``: the console script without its being in the path."""

import sys

from vsepp.cli.main import main

if __name__ == "__main__":
    sys.exit(main(called="python -m vsepp"))
