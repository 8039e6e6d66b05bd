"""The first task: images and sentences that find each other, chosen by rsum on validation."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import paddle

from vsepp.checkpoint import read_header
from vsepp.config import Config
from vsepp.data.loaders import training_loader
from vsepp.data.prepared import Prepared
from vsepp.metrics import RetrievalResult, evaluate_codes, recalls
from vsepp.metrics.protocol import MIRRORED
from vsepp.models.encoders import (
    ImageEncoder,
    TextEncoder,
    encoders_for_training,
    find_text_encoder,
)
from vsepp.models.losses import build_loss, check_loss, equal_rows
from vsepp.models.ranks import ALONE, Alone
from vsepp.models.state import set_state
from vsepp.models.twins import compute
from vsepp.models.vsepp import TEMPERATURE, build_model
from vsepp.retrieval.encoding import encode_dataset
from vsepp.training.collapse import CollapseWatch
from vsepp.training.data import worker_count
from vsepp.training.dataset_task import DatasetTask
from vsepp.training.step_memory import handle_memory
from vsepp.training.task import HELPED, Diverged, Objective, Scored
from vsepp.training.without_effect import keys_without_effect


class EncodedSplit(NamedTuple):
    """What a listener may draw of a scored split.

    Attributes:
        dataset: ``CaptionDataset``.
        images, texts: its codes, ``[n_images, size]`` and ``[n_captions, size]``.
        result: how they are compared, and with what success.
    """

    dataset: Any
    images: np.ndarray
    texts: np.ndarray
    result: RetrievalResult


class RetrievalObjective(Objective):
    """Two encoders and a ranking loss over the batch.

    A batch is (images or their features ``[batch, ...]``, captions int64 ``[batch, time]``,
    lengths int64 ``[batch]``, image ids int64 ``[batch]``), as ``training_loader`` gives them.

    Args:
        config: the run's configuration.
        text, image: the encoders.
        with_weights: see :class:`Task`.

    Attributes:
        criterion: the loss layer.
    """

    def __init__(
        self, config: Config, text: TextEncoder, image: ImageEncoder, with_weights: bool = True
    ) -> None:
        self.config = config
        self.text, self.image = text, image
        self.model = build_model(text, image, with_weights)
        self.criterion = build_loss(config, self.model)
        for parameter in text.pretrained_parameters(self.model.text_extractor):
            parameter.optimize_attr["learning_rate"] = config.pretrained_lr
        handle_memory(config, image, self.model)
        self.batch_images: Any = None  # numbers of those that the last step saw

    def encode_images(self, images: paddle.Tensor) -> paddle.Tensor:
        return compute(self.model.image_extractor, images)

    def encode_texts(self, batch: Any, image_codes: paddle.Tensor) -> paddle.Tensor:
        captions, lengths = self.ranks.share.captions(*batch[1:3])
        return compute(self.model.text_extractor, captions, lengths)

    def loss(
        self, image_codes: paddle.Tensor, text_codes: paddle.Tensor | None, batch: Any
    ) -> paddle.Tensor:
        self.batch_images = batch[3]
        return self.criterion(
            self.ranks.gathered(image_codes.astype("float32")),
            # sentences give codes
            self.ranks.gathered(text_codes.astype("float32")),  # type: ignore[union-attr]
            self.batch_images if self.config.mask_same_image else None,
            equal_rows(batch[1]) if self.config.mask_equal_captions else None,
        )

    def loss_parameters(self) -> Iterable[paddle.Tensor]:
        scale = getattr(self.model, TEMPERATURE, None)
        return () if scale is None else (scale,)


class RetrievalTask(RetrievalObjective, DatasetTask):
    """Training of a dual encoder on a prepared data set, as photographs or stored features.

    Args, raises: see :class:`Task`; ``prepared`` is the data set, where it is open already.
    """

    score_name = "rsum"

    def __init__(
        self,
        config: Config,
        with_weights: bool = True,
        prepared: Prepared | None = None,
        ranks: Alone = ALONE,
    ) -> None:
        self.ranks = ranks
        find_text_encoder(config.text_model).check_config(config, with_weights)
        check_loss(config)
        self.open_data(config, prepared)
        path = None if with_weights else config.checkpoint or config.init_from
        after = (read_header(path), path) if path else None
        text, image = encoders_for_training(config, self.data, self.feature_size, after)
        for dataset in self.data.splits.values():
            if not text.reader.reads(dataset):  # an encoder that takes no words of vocab.json
                captions, _ = text.reader.read_anew(dataset.written_sentences())
                dataset.take_captions(captions, text.reader)
        super().__init__(config, text, image, with_weights)
        self.said = [*text.said, *keys_without_effect(config)]
        self.loader = training_loader(
            self.data.splits["train"],
            config.batch_size,
            config.seed,
            worker_count(config),
            config.batch_by_length,
            ranks.share,
        )
        self.steps = len(self.loader)
        self.collapse = CollapseWatch(config)

    @property
    def reader(self) -> Any:
        return self.text.reader

    def score(self, split: str) -> Scored:
        dataset = self.data.splits[split]
        flip = self.config.test_flip
        images, texts = encode_dataset(
            self.model, dataset, max(self.config.batch_size, 64), test_flip=flip, ranks=self.ranks
        )
        if not (np.isfinite(images).all() and np.isfinite(texts).all()):
            raise Diverged(f"the model gives NaN or infinity for the {split} split")
        if not self.ranks.leads:
            return HELPED
        result = evaluate_codes(
            images,
            texts,
            dataset.captions_per_image,
            self.model.measure,
            dataset=self.config.dataset,
            split=split,
            remark=MIRRORED if flip else None,
        )
        metrics = result.metrics
        line = "i2t {:.1f} / {:.1f} / {:.1f}  t2i {:.1f} / {:.1f} / {:.1f}  rsum {:.1f}".format(
            *(metrics[way][f"R@{k}"] for way in ("i2t", "t2i") for k in (1, 5, 10)), metrics["rsum"]
        )
        if flip:
            line += f", {MIRRORED}"
        shown = EncodedSplit(dataset, images, texts, result)
        return Scored(metrics, recalls(metrics), line, shown)

    # ---- what it says

    def begin_epoch(self, epoch: int) -> None:
        """Take up the loss of the epoch: another may stand before the hardest negatives alone."""
        self.criterion = build_loss(self.config, self.model, epoch)
        scale = getattr(self.model, TEMPERATURE, None)
        if scale is not None:  # that of a warm-up rests afterwards: Adam would move it on
            scale.stop_gradient = all(each is not scale for each in self.criterion.parameters())

    def warning(self, loss: float, step: int) -> str | None:
        return self.collapse.warning(loss, step, getattr(self.criterion, "hard_negative", False))

    # ---- checkpoints

    def contents(self) -> dict:
        own = {"vocab": None, **self.text.contents(), **self.image.contents()}
        return {**own, **self.contents_of_data()}

    @property
    def of_words(self) -> dict[str, int]:
        rows = self.text.word_rows
        return {} if rows is None else {f"text_extractor.{rows}": 0}

    def said_of_weights(self, checkpoint: dict, path: str) -> list[str]:
        said = []
        if self.config.text_weights:
            said.append(f"text_weights is not read: the text encoder begins as in {path}")
        if hasattr(self.model, TEMPERATURE) and TEMPERATURE not in checkpoint["model"]:
            said.append(f"{path} has no temperature: that of the N-pair loss begins anew")
        return said

    def set_weights(self, state: dict, path: str | Path) -> None:
        """A temperature begins anew where only one side learns it."""
        set_state(self.model, state, str(path), optional=(*self.passed_over, TEMPERATURE))
