"""A training run: a loop, a task, and who listens.

``loop.py`` is what happens; ``retrieval.py`` and ``captioning.py`` are what is trained; ``task.py``
is what the one asks of the other. They are put together here, where they are first needed: a part
that is imported by itself brings neither Paddle nor the report with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vsepp.config import Config
    from vsepp.models.ranks import Alone
    from vsepp.training.loop import Trainer

__all__ = ["build_trainer", "train"]


def build_trainer(config: Config, ranks: Alone | None = None) -> Trainer:
    """The run that a configuration describes, ready for its first step.

    Args:
        ranks: the processes that train together, see ``vsepp.models.ranks``; None: this one.

    Raises:
        InputError: when data, weights, checkpoint or device do not fit the configuration.
    """
    from functools import partial

    from vsepp.data.options import with_prepared_options
    from vsepp.data.prepared import Prepared
    from vsepp.data.splits import prepared_folder
    from vsepp.models.ranks import ALONE
    from vsepp.report.training_listener import CaptionListener, RetrievalListener
    from vsepp.training.captioning import CaptionTask
    from vsepp.training.loop import Trainer
    from vsepp.training.retrieval import RetrievalTask

    prepared = Prepared(prepared_folder(config.data_dir, config.dataset))
    config = with_prepared_options(config, prepared)
    ranks = ranks or ALONE
    if config.caption_model:
        return Trainer(config, partial(CaptionTask, prepared=prepared), [CaptionListener()], ranks)
    return Trainer(config, partial(RetrievalTask, prepared=prepared), [RetrievalListener()], ranks)


def train(config: Config) -> dict:
    """Train as ``config`` says; returns the best model's metrics on the test split.

    Processes that ``python -m paddle.distributed.launch`` has started train together.

    Raises:
        InputError: as :func:`build_trainer`, and when another training writes the same checkpoints.
    """
    from contextlib import nullcontext

    from vsepp.models.joined_ranks import joined_ranks
    from vsepp.training.starting import held_destinations

    with joined_ranks(config.device) as ranks:
        with held_destinations(config) if ranks.leads else nullcontext():
            return build_trainer(config, ranks).run()
