"""Measure what people wait for, beside the documented code, PyTorch and faiss."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.command import main  # noqa: E402
from vsepp.cli.command import run  # noqa: E402

if __name__ == "__main__":
    sys.exit(run(main))
