"""Features of a prepared data set under a frozen backbone, computed where they are missing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import paddle

from vsepp.config import Config
from vsepp.data.batches import in_batches
from vsepp.data.dataset import CaptionDataset, open_dataset
from vsepp.data.encoding import Encoding
from vsepp.data.features import FeatureOrigin, FeatureStore
from vsepp.data.images import map_images, open_image
from vsepp.data.prepared import Prepared
from vsepp.models.device import backbone_precision
from vsepp.models.encoders import find_image_encoder
from vsepp.models.state import get_state
from vsepp.models.twins.predictor import BackbonePredictor
from vsepp.system.errors import InputError
from vsepp.system.fingerprints import fingerprint
from vsepp.system.invocation import command
from vsepp.system.memory import return_freed
from vsepp.system.progress import progress

_BATCH = 16


class FrozenBackbone:
    """A backbone that is not trained, and the features it gives.

    Args:
        config: ``image_model, pretrained, weights, seed, resize, image_size,
            backbone_precision`` count.
        exif: turn photographs as their EXIF orientation says.

    Attributes:
        origin: :class:`FeatureOrigin`; its precision is the one in fact used.
        state: ``{parameter: ndarray}``.
    """

    def __init__(self, config: Config, exif: bool = False) -> None:
        encoder = find_image_encoder(config.image_model).for_training(config)
        encoder.check_sizes()
        paddle.seed(config.seed)  # a backbone without weights is random, but the same each time
        self.network = encoder.frozen_backbone()
        self.network.eval()
        self.state = get_state(self.network)
        self.origin = FeatureOrigin(
            config.image_model,
            encoder.backbone_size,
            Encoding(
                fingerprint(self.state),
                encoder.preprocessing,
                exif,
                precision=backbone_precision(config.backbone_precision),
            ),
        )
        self._predictor: BackbonePredictor | None = None

    def features(self, paths: Iterable[str | Path]) -> Iterator[np.ndarray]:
        """Iterate over float32 ``[batch, feature_size]`` of photographs, in order."""
        encoding = self.origin.encoding
        steps = encoding.preprocessing
        if self._predictor is None:
            self._predictor = BackbonePredictor(
                self.network, steps.image_size, _BATCH, encoding.precision, steps.mean, steps.std
            )
        crop = steps.center_crop()
        pixels = map_images(lambda path: crop.pixels(open_image(path, encoding.exif)), paths)
        return map(self._predictor, in_batches(pixels, _BATCH))


class GivenFeatures:
    """In place of a :class:`FrozenBackbone`, where the features came with the data set.

    Attributes:
        origin: :class:`FeatureOrigin`.
        state: empty, since nobody has the backbone.
    """

    def __init__(self, origin: FeatureOrigin) -> None:
        self.origin = origin
        self.state: dict[str, np.ndarray] = {}


def load_features(
    config: Config, prepared: Prepared, splits: Sequence[str], log: Callable[[str], object] = print
) -> tuple[dict[str, np.ndarray], FrozenBackbone | GivenFeatures]:
    """The features of splits of the prepared data set, computing what is not stored yet.

    Where features came with the data set, they are taken, and no backbone is made.

    Args:
        config: the run's configuration.
        prepared: ``vsepp.data.prepared.Prepared`` of the data set.
        splits: names of splits.
        log: called with a line for each split that had to be computed.

    Returns:
        (``{split: memory-mapped float32 [n_images, feature_size]}``, the backbone or
        :class:`GivenFeatures`)

    Raises:
        InputError: when a split or a photograph is missing, or the weights do not fit.
    """
    datasets = {split: open_dataset(prepared, split) for split in splits}
    given = prepared.features
    backbone: FrozenBackbone | GivenFeatures
    if given:
        backbone = GivenFeatures(given)
        log(
            f"{config.dataset} came with its features, {given.feature_size} numbers to an image: "
            "image_model and its weights are not used"
        )
    else:
        backbone = FrozenBackbone(config, prepared.exif)
    store = FeatureStore(prepared.folder, backbone.origin)
    features = {}
    for split, dataset in datasets.items():
        stored = store.read(split, dataset.images)
        if stored is None:
            if isinstance(backbone, GivenFeatures):
                raise InputError(
                    f"{store.folder} lacks the features of the {split} split: run "
                    f"`{command('prepare')} --precomp FOLDER --force` again."
                )
            _compute(store, dataset, backbone, log)
            stored = store.read(split, dataset.images)
        features[split] = stored
    return features, backbone


def _compute(
    store: FeatureStore,
    dataset: CaptionDataset,
    backbone: FrozenBackbone,
    log: Callable[[str], object],
) -> None:
    """Compute and store the features of a split, with a bar."""
    count = len(dataset.images)
    begin = time.perf_counter()
    done: list[int] = []
    with progress(
        description=f"{backbone.origin.backbone} features of {dataset.split}",
        total=count,
        unit="image",
    ) as bar:

        def advance(images: int) -> None:
            done.append(images)
            bar.update(images)

        def compute(first: int) -> Iterator[np.ndarray]:
            paths = [dataset.image_path(image_id) for image_id in range(first, count)]
            return backbone.features(paths)

        store.write(dataset.split, dataset.images, compute, advance)
    return_freed()
    seconds = time.perf_counter() - begin
    computed = sum(done[1:])
    log(
        f"{backbone.origin.backbone} features of {dataset.split}: {computed} images in "
        f"{seconds:.1f} s ({computed / max(seconds, 1e-9):.1f} images/s), {done[0]} were there; "
        f"in {store.folder}"
    )
