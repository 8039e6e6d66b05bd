"""A task over a prepared data set: what retrieval and captioning have in common."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from vsepp.config import Config
from vsepp.data.batch_loader import BatchLoader
from vsepp.data.orientation import described, shown
from vsepp.data.prepared import Prepared, dataset_words
from vsepp.data.stored.features import GIVEN, FeatureOrigin
from vsepp.models.feature_extraction import FrozenBackbone, GivenFeatures
from vsepp.models.state import get_state, set_state
from vsepp.models.vsepp import BACKBONE
from vsepp.system.errors import InputError
from vsepp.system.invocation import command
from vsepp.text.reader import WordReader
from vsepp.training.carried_words import carry_words
from vsepp.training.data import RunData, open_splits
from vsepp.training.starting import check_own_kind
from vsepp.training.task import Task

_NAMED_AT_MOST = 8  # images of a batch in a message


class DatasetTask(Task):
    """A :class:`Task` whose model looks at the images of a data set, as photographs or as stored
    features; a subclass calls :meth:`open_data` first.

    Attributes:
        data: ``RunData``.
        backbone: of ``data``.
        reader: what turns sentences into what the model reads or writes.
        loader: the training split's; a subclass sets it.
        batch_images: ids of the images that the last step saw, or None.
    """

    config: Config
    data: RunData
    backbone: FrozenBackbone | GivenFeatures | None
    loader: BatchLoader
    batch_images: Any

    def open_data(self, config: Config, prepared: Prepared | None = None) -> None:
        """Open the splits of a run.

        Args:
            prepared: the data set, where it is open already.
        """
        splits = ("train", "val", "test")
        self.data = open_splits(config, splits, prepared=prepared, ranks=self.ranks)
        self.backbone = self.data.backbone

    def batches(self, epoch: int, skip: int) -> Iterable:
        self.loader.batch_sampler.set_epoch(epoch, skip=skip)
        return self.loader

    @property
    def reader(self) -> WordReader:
        raise NotImplementedError

    @property
    def feature_size(self) -> int | None:
        """Numbers of stored features, per image or per cell; None over photographs."""
        return self.backbone.origin.feature_size if self.backbone else None

    @property
    def passed_over(self) -> tuple[str, ...]:
        """Prefixes of weights in checkpoints that the model does without: over stored features,
        those of the backbone."""
        return (BACKBONE,) if self.backbone else ()

    # ---- what it says

    def heading(self) -> str:
        config, train = self.config, self.data.splits["train"]
        seen = f"photographs through {config.image_model}"
        if self.backbone:
            seen = self.backbone.origin.description
        if self.data.exif:
            seen += ", turned as EXIF says"
        return (
            f"training on {config.dataset}: {len(train.images)} images, {len(train)} captions, "
            f"{seen}"
        )

    def batch_names(self) -> str:
        if self.batch_images is None:
            return ""
        dataset = self.data.splits["train"]
        numbers = sorted(set(np.asarray(self.batch_images).reshape(-1).tolist()))
        names = ", ".join(dataset.image_name(number) for number in numbers[:_NAMED_AT_MOST])
        more = ", …" if len(numbers) > _NAMED_AT_MOST else ""
        return f", whose batch has the images {names}{more}"

    # ---- checkpoints

    def contents_of_data(self) -> dict:
        """What a checkpoint says of the images that it was trained on."""
        contents: dict = {}
        if not isinstance(self.backbone, GivenFeatures):
            contents["exif"] = self.data.exif
        if self.backbone:
            contents["backbone"] = self.backbone.origin.record()
        return contents

    def more_weights(self) -> dict:
        """The backbone behind stored features, so that the file can encode photographs."""
        state = self.backbone.state if self.backbone else {}
        return {BACKBONE + name: value for name, value in state.items()}

    def check(self, checkpoint: dict, path: str, resuming: bool) -> None:
        if not resuming:  # a run that goes on has been compared key by key
            check_own_kind(self.config, checkpoint, f"init_from: {path}")
        if resuming and not self.reader.is_of(checkpoint):
            name = self.data.splits["train"].folder.name
            raise InputError(
                f"{path} was trained with another vocabulary than that of the data set "
                f"{name}: prepare it as it was, or set init_from={path} in place of "
                "checkpoint, which carries its weights over word by word."
            )
        if resuming and checkpoint.get("exif", False) != self.data.exif:
            mend = command("prepare", *dataset_words(self.data.splits["train"].folder))
            raise InputError(
                f"{path} was trained on photographs {described(not self.data.exif)}, and the data "
                f"set is prepared with --exif {shown(self.data.exif)}: run `{mend} --exif "
                f"{shown(not self.data.exif)} --force` with the other options of before, or use "
                "init_from to begin a new run with its weights."
            )
        if not self.backbone:
            return
        stored, origin = checkpoint.get("backbone"), self.backbone.origin
        if resuming and not _same_features(stored, origin.record()):
            raise InputError(
                f"{path} was trained over the features of another backbone: set weights "
                "and pretrained as they were, and go on on a processor that computes in the same "
                "backbone_precision."
            )
        if not resuming and stored and stored["backbone"] != origin.backbone:
            mend = (
                "give a checkpoint over the same features"
                if GIVEN in (stored["backbone"], origin.backbone)
                else f"set image_model={stored['backbone']}"
            )
            raise InputError(
                f"init_from: {path} was trained over features of {stored['backbone']}, "
                f"this run reads those of {origin.backbone}: {mend}."
            )

    @property
    def of_words(self) -> dict[str, int]:
        """``{parameter: axis}`` of the weights that have a row for each word of the reader's
        vocabulary; empty where none have."""
        return {}

    def begin_with(self, checkpoint: dict, path: str) -> str | None:
        """Words that the checkpoint does not know start afresh."""
        said = []
        if not self.reader.is_of(checkpoint):
            ours = getattr(self.reader, "vocabulary", None)
            fresh = get_state(self.model)
            state, line = carry_words(self.of_words, ours, fresh, checkpoint, path)
            checkpoint = {**checkpoint, "model": state}
            said.append(line)
        if self.of_words and "vocab" in checkpoint:
            theirs, ours = checkpoint.get("tokenizer", "words"), self.reader.tokenizer
            if theirs != ours:
                said.append(f"{path} has its captions cut by {theirs}, this run by {ours}")
        if self.backbone and _of_other_weights(checkpoint.get("backbone"), self.backbone.origin):
            said.append(
                f"{path} was trained over features of other weights of {self.config.image_model}: "
                "where that is not meant, set weights and pretrained as they were"
            )
        if self.config.word_vectors:
            said.append(f"word_vectors is not read: the words begin with their embedding of {path}")
        said += self.said_of_weights(checkpoint, path)
        super().begin_with(checkpoint, path)
        return "; ".join(said) or None

    def said_of_weights(self, checkpoint: dict, path: str) -> list[str]:
        """What else is to be said of weights that a run begins with."""
        return []

    def set_weights(self, state: dict, path: str | Path) -> None:
        set_state(self.model, state, str(path), optional=self.passed_over)


def _of_other_weights(theirs: dict | None, ours: FeatureOrigin) -> bool:
    """Whether a record of features is of the same backbone's other weights."""
    if not theirs or theirs["backbone"] == GIVEN:
        return False
    return theirs["fingerprint"] != ours.encoding.fingerprint


def _same_features(theirs: dict | None, ours: dict) -> bool:
    """Whether a run over features goes on, by the records of their origin.

    A record without a precision is compared without one: checkpoints did not always say it.
    """
    if theirs and "precision" not in theirs:
        ours = {key: value for key, value in ours.items() if key != "precision"}
    return theirs == ours
