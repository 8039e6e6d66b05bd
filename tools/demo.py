"""Search in the browser."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from vsepp.cli.command import leave, run  # noqa: E402
from vsepp.cli.demo import main  # noqa: E402

if __name__ == "__main__":
    leave(run(main))
