"""Where a run is, as its last checkpoint remembers it."""

from __future__ import annotations

from dataclasses import dataclass, field

from vsepp.system.errors import InputError


@dataclass
class Position:
    """Where a run is: all that its next step follows from, besides weights and optimizer."""

    epoch: int = 0  # from 0
    step_in_epoch: int = 0
    step: int = 0
    best_score: float = -1.0  # a file calls it best_rsum, whatever the task
    best_step: int = 0
    validated_step: int = -1
    history: list = field(default_factory=list)

    def stalled(self, early_stop: int, score: str) -> bool:
        """Whether so many validations since the best have brought nothing better.

        Args:
            early_stop: how many end a run; 0: none do.
            score: what a validation's row of the history calls its score.
        """
        since = [row for row in self.history if score in row and row["step"] > self.best_step]
        return 0 < early_stop <= len(since)

    def check(self) -> None:
        """ValueError unless these are counts, a score and a list."""
        counts = (self.epoch, self.step_in_epoch, self.step, self.best_step)
        for count, lowest in (*((count, 0) for count in counts), (self.validated_step, -1)):
            if type(count) is not int or not lowest <= count < 2**53:
                raise ValueError(f"{count!r} is no count")
        if type(self.best_score) not in (int, float) or not isinstance(self.history, list):
            raise ValueError("the score is no number, or the history no list")

    def stored(self) -> dict:
        """As a checkpoint holds it."""
        return _renamed(vars(self), "best_score", "best_rsum")

    @classmethod
    def restored(cls, stored: dict, path: str) -> Position:
        """From what the checkpoint ``path`` holds; InputError when that is malformed."""
        try:
            position = cls(**_renamed(stored, "best_rsum", "best_score"))
            position.check()
            return position
        except (TypeError, ValueError, AttributeError):
            raise InputError(
                f"{path} has a malformed 'position': the checkpoint is damaged; use "
                "another, or init_from to take its weights alone."
            ) from None


def _renamed(values: dict, old: str, new: str) -> dict:
    return {new if key == old else key: value for key, value in values.items()}
