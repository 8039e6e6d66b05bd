"""Write a model for programs without this package: Paddle Inference's format, or ONNX."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from vsepp.cli.command import run  # noqa: E402
from vsepp.cli.export import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(run(main))
