"""What a training needs to be told: its objective, its data, its score, and who listens.

The loop knows epochs, steps and files, and no sentences. A new training is one file with a
:class:`Task`; it is run by ``vsepp.training.loop.Trainer(config, YourTask, listeners).run()``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import paddle

from vsepp.models.ranks import ALONE, Alone
from vsepp.models.state import set_state


class Diverged(Exception):
    """The model gives NaN or infinity; the message says for what, as the start of a sentence."""


@dataclass
class Scored:
    """A split under the model as it is.

    Attributes:
        metrics: what a checkpoint keeps and a run returns; JSON can hold it.
        values: ``{name: number}`` for curves and the history, ``score_name`` among them.
        line: the scores in a line of the log; the loop adds which was the best.
        shown: what a listener may draw, of the task's own kind, or None.
    """

    metrics: dict
    values: dict
    line: str
    shown: Any = None


#: what a rank that does not lead has to say of a split
HELPED = Scored({}, {}, "")


class Objective(ABC):
    """A network and its loss on a batch: all that a step needs, without any data.

    A step computes the codes of the images, then what the rest of the network makes of the
    batch, then the loss. The codes of the images stand between two calls because
    ``micro_batch_size`` cuts a batch there: the image encoder, which takes most of the memory,
    sees a slice at a time, and everything after it the whole batch. A network of another kind
    has its costly part in :meth:`encode_images` all the same.

    Where several processes train together, ``batch`` has the images that this one looks at, and
    all else of the whole batch; see ``vsepp.models.ranks``.

    Attributes:
        model: the ``paddle.nn.Layer`` that is trained and saved.
        ranks: the processes that train it together.
    """

    model: paddle.nn.Layer
    ranks: Alone = ALONE

    def images(self, batch: Any) -> paddle.Tensor:
        """What of a batch :meth:`encode_images` takes, ``[batch, ...]``: its first part."""
        return batch[0]

    @abstractmethod
    def encode_images(self, images: paddle.Tensor) -> paddle.Tensor:
        """Codes of images, ``[images, ...]``, each independent of the others."""

    def encode_texts(self, batch: Any, image_codes: paddle.Tensor) -> paddle.Tensor | None:
        """What the rest of the network makes of the whole batch, or None where there is no rest.

        Two encoders give the codes of the texts here. A captioner's decoder takes the codes of
        the images and the words before each word, and gives its logits.
        """
        return None

    @abstractmethod
    def loss(
        self, image_codes: paddle.Tensor, text_codes: paddle.Tensor | None, batch: Any
    ) -> paddle.Tensor:
        """A scalar in float32, of the whole batch. Codes that mixed precision has shortened are
        cast here.

        Where several processes train together, its gradient is that of the codes of this one's
        images alone; see ``Alone.gathered`` and ``Alone.total``.
        """

    def loss_parameters(self) -> Iterable[paddle.Tensor]:
        """Parameters of the loss itself, whose gradient is whole in every process."""
        return ()


class Task(Objective):
    """An objective with its data and its score; what is special about it in logs and files.

    Args:
        config: the run's ``vsepp.config.Config``. Device and seed are set already.
        with_weights: start from pretrained weights; without, others are set afterwards.
        ranks: see :class:`Objective`.

    Raises:
        InputError: when data or weights do not fit the configuration.

    Attributes:
        score_name: the one of ``Scored.values`` that chooses the model: the higher, the better.
        steps: batches of an epoch.
        said: lines for the log, of what was found while it was made.
    """

    score_name: str
    steps: int
    said: Sequence[str] = ()

    @abstractmethod
    def __init__(self, config: Any, with_weights: bool = True, *, ranks: Alone = ALONE) -> None: ...

    # ---- data and score

    @abstractmethod
    def batches(self, epoch: int, skip: int) -> Iterable:
        """The batches of an epoch (from 0) without its first ``skip``; the same each time."""

    @abstractmethod
    def score(self, split: str) -> Scored:
        """Score ``val`` or ``test``; :class:`Diverged` when the codes are not finite.

        All ranks call it and take a share of the work; what the leader returns counts.
        """

    # ---- what it says

    @abstractmethod
    def heading(self) -> str:
        """What is trained on what, as the start of the log's first line."""

    def begin_epoch(self, epoch: int) -> None:
        """Called before the steps of each epoch, and when one is gone on with."""

    def warning(self, loss: float, step: int) -> str | None:
        """What to say about the loss of a logged step, if anything."""
        return None

    def batch_names(self) -> str:
        """Which data the last step saw, for the middle of a message; empty where that is long."""
        return ""

    # ---- checkpoints

    @abstractmethod
    def contents(self) -> dict:
        """What a checkpoint says beside weights and position; ``vocab`` at least."""

    def more_weights(self) -> dict:
        """``{parameter: ndarray}`` that the best checkpoint needs to be used by itself."""
        return {}

    def check(self, checkpoint: dict, path: str, resuming: bool) -> None:
        """InputError when a checkpoint's weights are of other data or of another network.

        Args:
            checkpoint: what ``load_checkpoint`` returns.
            path: of its file.
            resuming: the run goes on; otherwise it begins with these weights.
        """

    def begin_with(self, checkpoint: dict, path: str) -> str | None:
        """Begin a run with the weights of a checkpoint; returns what is to be said of it, if
        anything. The arguments and errors are those of :meth:`check`."""
        self.check(checkpoint, path, resuming=False)
        self.set_weights(checkpoint["model"], path)
        return None

    def set_weights(self, state: dict, path: str | Path) -> None:
        """Set the weights of ``model`` to those of a checkpoint."""
        set_state(self.model, state, str(path))


class Listener(Protocol):
    """Who is told how a run goes: draws curves and pictures, prints tables."""

    def started(self, folder: Any) -> None:
        """The run's ``RunFolder`` is there: its ``path``, and ``log`` for lines."""

    def scalars(self, values: dict, step: int) -> None:
        """``{tag: number}``: ``train/…`` as logged, ``val/…``, ``test/…``."""

    def validated(self, scored: Scored, step: int) -> None:
        """The validation split was scored."""

    def tested(self, scored: Scored, checkpoint: Path) -> None:
        """The best model, of that file, was scored on the test split."""

    def ended(self, history: list | None) -> None:
        """The run is over or stopped; ``history`` has a row for each logged step and validation,
        or is None where there is no time to do anything with it."""
