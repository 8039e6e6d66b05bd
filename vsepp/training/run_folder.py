"""A run's folder: the effective configuration, and what was logged."""

from __future__ import annotations

import datetime
import time
from pathlib import Path

import yaml
from tqdm import tqdm

from vsepp.config import Config
from vsepp.system.atomic import naming, write_text


class NoFolder:
    """In place of a :class:`RunFolder`, where another process has it."""

    path = None

    def log(self, line: str) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class RunFolder:
    """``<run_dir>/<dataset>/<time>/`` with ``config.yml`` and ``log.txt``.

    Args:
        config: the run's configuration.

    Attributes:
        path: the folder.
    """

    def __init__(self, config: Config) -> None:
        parent = Path(config.run_dir) / config.dataset
        name = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
        number = 1
        while True:
            self.path = parent / (name if number == 1 else f"{name}-{number}")
            try:
                self.path.mkdir(parents=True)
                break
            except FileExistsError:
                number += 1
        write_text(self.path / "config.yml", yaml.safe_dump(config.to_dict(), sort_keys=False))
        self._log = open(self.path / "log.txt", "a", encoding="utf-8")

    def log(self, line: str) -> None:
        """Print a line above the progress bar and keep it in ``log.txt``."""
        tqdm.write(line)
        with naming(self._log.name):
            self._log.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {line}\n")
            self._log.flush()

    def close(self) -> None:
        """Close ``log.txt``."""
        self._log.close()
