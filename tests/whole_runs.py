"""Runs to their end, and whether two of them are one."""

import numpy as np

from vsepp import load_checkpoint
from vsepp.training import build_trainer


class Run:
    """A run to its end, and what it left."""

    def __init__(self, config):
        self.config = config
        trainer = build_trainer(config)
        self.metrics = trainer.run()
        self.folder = trainer.folder.path
        self.best = load_checkpoint(config.path("best_checkpoint"))
        self.last = load_checkpoint(config.path("last_checkpoint"))
        self.log = (self.folder / "log.txt").read_text(encoding="utf-8")


def assert_same_run(found, expected):
    """Of last checkpoints: weights, their average, optimizer, position and history are equal to
    the bit."""
    assert found["position"] == expected["position"]
    assert (found["epoch"], found["step"]) == (expected["epoch"], expected["step"])
    pairs = [(found["model"], expected["model"]), (found.get("ema", {}), expected.get("ema", {}))]
    assert found["optimizer"].keys() == expected["optimizer"].keys()
    pairs += [(found["optimizer"][slot], values) for slot, values in expected["optimizer"].items()]
    for values, wanted in pairs:
        assert values.keys() == wanted.keys()
        for name, value in wanted.items():
            np.testing.assert_array_equal(values[name], value, err_msg=name)
