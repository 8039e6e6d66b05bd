"""A training run: its data, its loop, its folder."""

from vsepp.training.loop import Trainer, train

__all__ = ["Trainer", "train"]
