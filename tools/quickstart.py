#!/usr/bin/env python3
"""Command one: from a bare machine to a trained model and a picture."""

import os
import sys

if sys.version_info < (3, 9):  # before any import that an old Python could not read
    sys.stderr.write("error: Python 3.9 to 3.12 is needed, this is %d.%d.\n" % sys.version_info[:2])
    sys.exit(2)
# The sample's products are too small to gain from a second thread, and lose much by one that waits
# for a core which somebody else uses. Before vsepp is imported, which gives them every core.
for name in ("MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from vsepp.bootstrap.quickstart import main
from vsepp.cli.command import run

if __name__ == "__main__":
    sys.exit(run(main))
