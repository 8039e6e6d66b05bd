"""A training run, by itself or as one of several ranks, and what it went through.

    python rank_course.py ARGUMENTS.json

The arguments: `config`, keys of the configuration; `out`, a folder; `steps`, after how many the
weights are kept. Written: `out/rank<number>.npz`.
"""

import json
import sys
from pathlib import Path

import vsepp  # noqa: F401 - first, so that NumPy gets its threads

# isort: split
import numpy as np
import paddle

from vsepp import Config
from vsepp.captioning import splits
from vsepp.models.joined_ranks import joined_ranks
from vsepp.models.state import get_state
from vsepp.report import training_listener
from vsepp.training import build_trainer
from vsepp.training.step import TrainingStep


class Nobody:
    """A listener that takes no time."""

    def __getattr__(self, event):
        return lambda *what: None


def watch(found, steps):
    """Put losses, batches, the first step's gradients and weights after `steps` into `found`."""
    take = TrainingStep.__call__

    def watched(self, batch, number, *rest):
        parameters = dict(self.objective.model.named_parameters())
        if not number:
            adam = self.optimizer.step

            def step():
                for name, parameter in parameters.items():
                    if parameter.grad is not None:
                        found.setdefault(f"grad/{name}", parameter.grad.numpy().copy())
                adam()

            self.optimizer.step = step
        loss = take(self, batch, number, *rest)
        found[f"loss/{number:04d}"] = loss.numpy()
        found[f"batch/{number:04d}"] = batch[-1].numpy()
        found[f"captions/{number:04d}"] = batch[1].numpy()
        if number + 1 == steps:
            for name, value in get_state(self.objective.model).items():
                found[f"weight/{name}"] = value
        return loss

    TrainingStep.__call__ = watched


def main(path):
    arguments = json.loads(Path(path).read_text())
    config = Config(**arguments["config"])
    training_listener.RetrievalListener = training_listener.CaptionListener = Nobody
    splits.IMAGES = 2  # so that each rank has some to caption
    found = {}
    watch(found, arguments["steps"])
    with joined_ranks(config.device) as ranks:
        paddle.seed(1 + ranks.number)  # what a rank has drawn before must not matter
        trainer = build_trainer(config, ranks)
        trainer.run()
        found["history"] = np.array(json.dumps(trainer.position.history))
        np.savez(Path(arguments["out"]) / f"rank{ranks.number}.npz", **found)


if __name__ == "__main__":
    main(sys.argv[1])
