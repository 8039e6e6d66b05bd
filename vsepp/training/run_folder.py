"""A run's folder: what was logged, the effective configuration, VisualDL's files, curves."""

import datetime
import time
from pathlib import Path

import numpy as np
import yaml
from tqdm import tqdm

from vsepp.report.curves import draw_curves
from vsepp.system.atomic import naming, write_text


class RunFolder:
    """``<run_dir>/<dataset>/<time>/`` with ``log.txt``, ``config.yml``, ``curves.png``, VisualDL.

    Args:
        config: the run's configuration.
        history: rows of an earlier part of the run, for the curves.

    Attributes:
        path: the folder.
        history: list of dictionaries, one for each logged step and each validation.
    """

    def __init__(self, config, history=()):
        from visualdl import LogWriter

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
        self.history = list(history)
        write_text(self.path / "config.yml", yaml.safe_dump(config.to_dict(), sort_keys=False))
        self._log = open(self.path / "log.txt", "a", encoding="utf-8")
        self.writer = LogWriter(logdir=str(self.path))

    def log(self, line):
        """Print a line above the progress bar and keep it in ``log.txt``."""
        tqdm.write(line)
        with naming(self._log.name):
            self._log.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {line}\n")
            self._log.flush()

    def scalars(self, values, step):
        """VisualDL scalars: ``{tag: number}``."""
        for tag, value in values.items():
            self.writer.add_scalar(tag, value, step)

    def picture(self, tag, image, step):
        """A PIL picture in VisualDL."""
        self.writer.add_image(tag, np.array(image), step)

    def embeddings(self, codes, columns):
        """Vectors and what is known of each, for VisualDL's projector.

        Args:
            codes: ``[n, size]``.
            columns: ``{heading: list of n texts}``.
        """
        self.writer.add_embeddings(
            "joint_space", [row.tolist() for row in codes], list(columns.values()), list(columns)
        )

    def draw_curves(self):
        """Draw ``curves.png`` from the history."""
        draw_curves(self.history, self.path / "curves.png")

    def close(self):
        """Flush everything."""
        self.writer.close()
        self._log.close()
