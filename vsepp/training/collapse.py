"""Noticing that the hardest negatives have drawn all codes together."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vsepp.config import Config

STUCK_AFTER = 50  # consecutive steps with the loss of a collapsed model before a warning


class CollapseWatch:
    """Warns, once, when the loss stands where all codes are alike: at 2 · batch_size · margin.

    Args:
        config: the run's configuration.
    """

    def __init__(self, config: Config) -> None:
        self.collapsed = 2 * config.batch_size * config.margin
        warm = config.hard_negative_warmup if config.hard_negative_warmup_loss == "npair" else 0
        self.safe_start = f"hard_negative_warmup={max(2, warm + 1)} hard_negative_warmup_loss=npair"
        self.since: int | None = None  # the first step of those that look collapsed
        self.warned = False

    def warning(self, loss: float, step: int, hardest: bool) -> str | None:
        """What to say about the loss of ``step``, or None.

        Args:
            loss: a number.
            step: of the run.
            hardest: whether only the hardest negatives count now.
        """
        if not hardest or abs(loss - self.collapsed) >= 0.001 * self.collapsed:
            self.since, self.warned = None, False
            return None
        if self.since is None:
            self.since = step
        if self.warned or step - self.since < STUCK_AFTER:
            return None
        self.warned = True
        return (
            f"warning: the loss has stood at 2 · batch_size · margin = {self.collapsed:g} for "
            f"{step - self.since} steps: all codes are alike and nothing is learned; begin "
            f"again with {self.safe_start}, or a lower learning_rate"
        )
