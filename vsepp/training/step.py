"""One step of training, by itself: what a batch does to a network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import paddle

from vsepp.config import Config
from vsepp.models.device import memory_errors_explained
from vsepp.training.averaging import WeightAverage
from vsepp.training.micro_batch import hold_batch_statistics, seed_from, sliced_codes
from vsepp.training.schedules import counts_steps
from vsepp.training.task import Objective


class TrainingStep:
    """What a step does: codes, loss, gradients, Adam, and the average of the weights.

    It needs no data set, so it can be timed on batches in memory::

        encoders = encoders_for_training(config, words, feature_size)
        objective = RetrievalObjective(config, *encoders)
        step = TrainingStep(config, objective, get_optimizer(objective.model, config))
        step.begin_epoch()
        for number, batch in enumerate(batches):  # (images, captions, lengths, image ids)
            loss = step(batch, number, mark=lambda section: times.append(perf_counter()))

    Args:
        config: ``amp``, ``micro_batch_size``, ``ema`` and ``seed`` count.
        objective: what is trained.
        optimizer: of ``objective.model``.

    Attributes:
        average: ``WeightAverage``, which begins with the weights as they are, or None.
    """

    def __init__(
        self, config: Config, objective: Objective, optimizer: paddle.optimizer.Optimizer
    ) -> None:
        self.config = config
        self.objective = objective
        self.optimizer = optimizer
        self.scaler = paddle.amp.GradScaler() if config.amp == "float16" else None
        self.average = WeightAverage(objective.model, config.ema) if config.ema else None

    def begin_epoch(self) -> None:
        """Put the model in training mode."""
        self.objective.model.train()
        if self.config.micro_batch_size:
            hold_batch_statistics(self.objective.model)
        elif self.objective.ranks.count > 1:
            hold_batch_statistics(self.objective.model, synchronised=False)

    def __call__(
        self, batch: Any, number: int, mark: Callable[[str], None] = lambda section: None
    ) -> paddle.Tensor:
        """Take a step; returns its loss, a scalar.

        Args:
            batch: as the objective takes it.
            number: steps taken before.
            mark: called after each section: ``codes``, ``loss``, ``gradients``, ``optimizer``.
        """
        objective, size, seed = self.objective, self.config.micro_batch_size, self.config.seed
        if counts_steps(self.optimizer):
            self.optimizer._learning_rate.step(number)
        # Dropout inside a backbone follows from (seed, step), so that a resumed run repeats it;
        # where several processes train, also from which this is, or all would drop alike.
        drawn = (seed, number, *objective.ranks.salt)
        seed_from(*drawn)
        with memory_errors_explained():
            with self._mixed_precision():
                images = objective.images(batch)
                if size:
                    image_codes, hand_on = sliced_codes(
                        objective.encode_images, images, size, drawn
                    )
                else:
                    image_codes, hand_on = objective.encode_images(images), None
                text_codes = objective.encode_texts(batch, image_codes)
            mark("codes")
            loss = objective.loss(image_codes, text_codes, batch)
            mark("loss")
            (self.scaler.scale(loss) if self.scaler else loss).backward()
            if hand_on:
                with self._mixed_precision():
                    hand_on()
            objective.ranks.sum_gradients(objective.model.parameters(), objective.loss_parameters())
            mark("gradients")
            if self.scaler:
                self.scaler.step(self.optimizer)
                self.scaler.update()
            else:
                self.optimizer.step()
            self.optimizer.clear_grad()
            if self.average:
                self.average.update(number + 1)
            mark("optimizer")
        return loss.detach()

    def _mixed_precision(self) -> Any:
        amp = self.config.amp
        return paddle.amp.auto_cast(
            enable=amp != "off", level="O1", dtype="bfloat16" if amp == "off" else amp
        )
