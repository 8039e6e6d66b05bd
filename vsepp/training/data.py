"""What a run reads: its splits, as photographs or as stored features."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Union

from vsepp.config import Config
from vsepp.data.dataset import CaptionDataset
from vsepp.data.feature_dataset import FeatureTextDataset
from vsepp.data.image_dataset import ImageTextDataset
from vsepp.data.options import with_prepared_options
from vsepp.data.prepared import Prepared
from vsepp.data.preprocessing import Preprocessing
from vsepp.data.splits import prepared_folder
from vsepp.data.stored.features import view_name
from vsepp.data.stored.image_store import ImageStore
from vsepp.data.stored.views import MIRROR
from vsepp.models.encoders import find_image_encoder
from vsepp.models.feature_extraction import (
    FrozenBackbone,
    GivenFeatures,
    load_features,
    trained_views,
)
from vsepp.models.ranks import ALONE, Alone
from vsepp.system.errors import InputError
from vsepp.system.threads import cpu_count
from vsepp.text.vocabulary import Vocabulary


@dataclasses.dataclass
class RunData:
    """The splits of a run.

    Attributes:
        splits: ``{"train", "val", "test": CaptionDataset}``.
        tokenizer: name of what cut their captions.
        exif: whether their photographs are turned as EXIF says.
        backbone: the :class:`FrozenBackbone` or :class:`GivenFeatures` whose features are
            read, or None.
    """

    splits: dict
    tokenizer: str
    backbone: Union[FrozenBackbone, GivenFeatures, None] = None
    exif: bool = False

    @property
    def vocabulary(self) -> Vocabulary:
        """That of the data set, which all splits share."""
        return next(iter(self.splits.values())).vocabulary


def uses_features(config: Config) -> bool:
    """Whether a run trains on stored features.

    Raises:
        InputError: when its keys contradict each other there.
    """
    if config.features is True and config.finetuned:
        raise InputError(
            "features: stored features are of a frozen backbone: set finetuned=false "
            "with features=true."
        )
    stored = not config.finetuned if config.features == "auto" else bool(config.features)
    if stored and config.image_store:
        raise InputError(
            "image_store: this run reads stored features and no photographs: set "
            "image_store=false, or features=false to train on random crops."
        )
    if config.feature_views and not stored:
        mend = "finetuned=false" if config.finetuned else "features=auto"
        raise InputError(
            "feature_views: this run reads photographs, which are cropped at random anyway: set "
            f"feature_views=0, or {mend} to train on stored features."
        )
    return stored


def _refuse_photographs(config: Config, folder: Path) -> None:
    if not uses_features(config):
        mend = "finetuned=false" if config.finetuned else "features=auto"
        raise InputError(f"{folder} holds features and no photographs: set {mend}.")


def open_splits(
    config: Config,
    splits: Sequence[str],
    log: Callable[[str], object] = print,
    prepared: Prepared | None = None,
    ranks: Alone = ALONE,
) -> RunData:
    """Open splits of a prepared data set as the configuration wants them.

    With ``use_restval`` the training split goes on with restval. Photographs come as uint8
    ``[image_size, image_size, 3]``: the image extractor normalises them where it computes.

    Args:
        config: the run's configuration.
        splits: names of splits.
        log: called with lines about features or decoded images that had to be made.
        prepared: the ``Prepared`` data set, where it is open already.
        ranks: that open it together, and share the computing of features.

    Returns:
        RunData

    Raises:
        InputError: when the data set is not prepared, lacks a split, or does not fit.
    """
    folder = prepared_folder(config.data_dir, config.dataset)
    vocabulary = folder / "vocab.json"
    prepared = prepared or Prepared(folder)
    config = with_prepared_options(config, prepared)
    captions_per_image, max_len = config.captions_per_image, config.max_len
    exif = prepared.exif
    encoder = find_image_encoder(config.image_model).for_training(config)
    encoder.check_keys()
    if prepared.features:
        _refuse_photographs(config, folder)
    else:
        encoder.check_sizes()
    joins = config.use_restval and "train" in splits and "restval" not in splits
    wanted = [*splits, "restval"] if joins else splits
    opened: dict[str, CaptionDataset] = {}
    backbone = None
    if uses_features(config):
        features, backbone = load_features(config, prepared, wanted, log, ranks)
        for split in wanted:
            views = [view_name(split, view) for view in trained_views(config, split)]
            opened[split] = FeatureTextDataset(
                folder,
                vocabulary,
                split,
                features[split],
                captions_per_image,
                max_len,
                exif,
                views=[features[name] for name in views],
                mirrored=features.get(view_name(split, MIRROR)),
                seed=config.seed,
            )
    else:
        steps = encoder.preprocessing
        for split in wanted:
            training = split in ("train", "restval")
            crop = steps.random_crop() if training else steps.center_crop()
            opened[split] = dataset = ImageTextDataset(
                folder, vocabulary, split, captions_per_image, max_len, crop, config.seed, exif
            )
            if config.image_store and split != "test":  # which a run reads once, at its end
                with ranks.leader_first():
                    _take_stored(dataset, steps, log)
    if joins:
        opened["train"].append(opened.pop("restval"))
    return RunData(opened, prepared.tokenizer, backbone, exif)


def _take_stored(
    dataset: ImageTextDataset, steps: Preprocessing, log: Callable[[str], object]
) -> None:
    """Let a data set read its images decoded, and decode them now where that was not done."""
    store = ImageStore(
        dataset.folder, steps.resize, steps.interpolation, dataset.exif, steps.square
    )
    decoded = store.read(dataset.split, dataset.images)
    if decoded is None:
        paths = [dataset.image_path(image_id) for image_id in range(len(dataset.images))]
        store.write(dataset.split, dataset.images, paths, log)
        decoded = store.read(dataset.split, dataset.images)
    dataset.take_decoded(decoded)


def worker_count(config: Config) -> int:
    """Loader processes: as configured; by itself none for features or on few cores."""
    if config.workers != "auto":
        return int(config.workers)
    return 0 if uses_features(config) or cpu_count() <= 2 else min(4, cpu_count() - 1)
