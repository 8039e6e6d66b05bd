"""Features of a prepared data set under a frozen backbone, computed where they are missing."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import paddle

from vsepp.config import Config
from vsepp.data.batches import in_batches, in_groups
from vsepp.data.dataset import CaptionDataset, open_dataset
from vsepp.data.encoding import Encoding
from vsepp.data.images import map_images, open_image
from vsepp.data.prepared import Prepared
from vsepp.data.stored.features import FeatureOrigin, FeatureStore, view_name
from vsepp.data.stored.views import MIRROR, view_pixels
from vsepp.data.training_images import TRAINING
from vsepp.models.cells import count_cells
from vsepp.models.device import backbone_precision
from vsepp.models.encoders import find_image_encoder
from vsepp.models.ranks import ALONE, Alone
from vsepp.models.state import get_state
from vsepp.models.twins.predictor import BackbonePredictor
from vsepp.system.counts import counted
from vsepp.system.disk_room import free_bytes, gigabytes
from vsepp.system.errors import InputError
from vsepp.system.fingerprints import fingerprint
from vsepp.system.invocation import command
from vsepp.system.memory import return_freed
from vsepp.system.progress import progress

_BATCH = 16


class FrozenBackbone:
    """A backbone that is not trained, and the features it gives.

    Args:
        config: ``image_model, image_features, image_grid, pretrained, weights, seed, resize,
            image_size, pixels, backbone_precision`` count.
        exif: turn photographs as their EXIF orientation says.

    Attributes:
        origin: :class:`FeatureOrigin`; its precision is the one in fact used.
        state: ``{parameter: ndarray}``.
    """

    def __init__(self, config: Config, exif: bool = False) -> None:
        encoder = find_image_encoder(config.image_model).for_training(config)
        encoder.check_keys()
        encoder.check_sizes()
        paddle.seed(config.seed)  # a backbone without weights is random, but the same each time
        self.network = encoder.frozen_backbone()
        grid = config.image_grid if config.image_features == "grid" else None
        self.network.eval()
        self.state = get_state(self.network)
        image_size = encoder.preprocessing.image_size
        self.origin = FeatureOrigin(
            config.image_model,
            encoder.backbone_size,
            Encoding(
                fingerprint(self.state),
                encoder.preprocessing,
                exif,
                precision=backbone_precision(config.backbone_precision),
            ),
            None if grid is None else math.isqrt(count_cells(self.network, image_size)),
        )
        self._predictor: BackbonePredictor | None = None

    def features(
        self, paths: Iterable[str | Path], view: int = 0, first: int = 0
    ) -> Iterator[np.ndarray]:
        """Iterate over features of photographs, float32, in order.

        Args:
            paths: of the photographs.
            view: which of their views is looked at, see ``vsepp.data.stored.views``.
            first: position of the first of them in its split.

        Yields:
            ``[batch, feature_size]``, or ``[batch, cells, feature_size]`` of a grid
        """
        return self.features_at(enumerate(paths, first), view)

    def features_at(
        self, photographs: Iterable[tuple[int, str | Path]], view: int = 0
    ) -> Iterator[np.ndarray]:
        """As :meth:`features`, of photographs each with its position in its split."""
        encoding = self.origin.encoding
        steps = encoding.preprocessing
        if self._predictor is None:
            self._predictor = BackbonePredictor(
                self.network, steps.image_size, _BATCH, encoding.precision, steps.mean, steps.std
            )

        def pixels(photograph: tuple[int, str | Path]) -> np.ndarray:
            position, path = photograph
            return view_pixels(steps, open_image(path, encoding.exif), view, position)

        rows = map_images(pixels, photographs)
        return map(self._predictor, in_batches(rows, _BATCH))


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
    config: Config,
    prepared: Prepared,
    splits: Sequence[str],
    log: Callable[[str], object] = print,
    ranks: Alone = ALONE,
) -> tuple[dict[str, np.ndarray], FrozenBackbone | GivenFeatures]:
    """The features of splits of the prepared data set, computing what is not stored yet.

    Of what is trained on, ``feature_views`` further views come beside the plain photographs; with
    ``test_flip`` the mirror image of the others does. Where features came with the data set, they
    are taken, and no backbone is made.

    Args:
        config: the run's configuration.
        prepared: ``vsepp.data.prepared.Prepared`` of the data set.
        splits: names of splits.
        log: called with a line for each file that had to be computed; for grids and views also
            with one beforehand, which says what room they take.
        ranks: that share the photographs; the leader writes the files.

    Returns:
        (``{name: memory-mapped array}``, the backbone or :class:`GivenFeatures`). The names are
        those of ``view_name(split, view)``; an array is float32 ``[n_images, feature_size]``, or
        float16 ``[n_images, cells, feature_size]`` of a grid.

    Raises:
        InputError: when a split or a photograph is missing, the weights do not fit, the disk has
            too little room, or given features are to be of a grid or of views.
    """
    datasets = {split: open_dataset(prepared, split) for split in splits}
    given = prepared.features
    backbone: FrozenBackbone | GivenFeatures
    if given:
        _refuse_other_than_given(config)
        backbone = GivenFeatures(given)
        log(
            f"{config.dataset} came with its features, {given.feature_size} numbers to an image: "
            "image_model and its weights are not used"
        )
    else:
        backbone = FrozenBackbone(config, prepared.exif)
    store = FeatureStore(prepared.folder, backbone.origin)
    wanted = [
        (dataset, view) for dataset in datasets.values() for view in _views(config, dataset.split)
    ]
    if ranks.leads and (config.feature_views or config.test_flip or backbone.origin.grid):
        _check_room(store, wanted, log)
    features = {}
    for dataset, view in wanted:
        stored = store.read(dataset.split, dataset.images, view) if ranks.leads else None
        if ranks.told(stored is None):
            if isinstance(backbone, GivenFeatures):
                raise InputError(
                    f"{store.folder} lacks the features of the {dataset.split} split: run "
                    f"`{command('prepare')} --precomp FOLDER --force` again."
                )
            _compute(store, dataset, view, backbone, log, ranks)
        if stored is None:
            stored = store.read(dataset.split, dataset.images, view)
        features[view_name(dataset.split, view)] = stored
    return features, backbone


def trained_views(config: Config, split: str) -> range:
    """The views of a split's photographs that training reads beside the plain ones."""
    trained = split == "train" or (split == "restval" and config.use_restval)
    return range(1, 1 + config.feature_views) if trained else range(0)


def _views(config: Config, split: str) -> Sequence[int]:
    """All views of a split's photographs that a run reads."""
    if split in TRAINING:
        return (0, *trained_views(config, split))
    return (0, MIRROR) if config.test_flip else (0,)


def _refuse_other_than_given(config: Config) -> None:
    if config.caption_model:
        raise InputError(
            f"caption_model: {config.dataset} came with its features, a vector of each image, and "
            "a captioner looks at cells: train it on a data set with photographs."
        )
    for key, usual in (("image_features", "global"), ("feature_views", 0), ("test_flip", False)):
        if getattr(config, key) != usual:
            raise InputError(
                f"{key}: {config.dataset} came with its features, and there are no photographs to "
                f"look at otherwise: set {key}={str(usual).lower()}."
            )


def _check_room(
    store: FeatureStore, wanted: Sequence[tuple[CaptionDataset, int]], log: Callable[[str], object]
) -> None:
    """Say what room the missing files take, if any; InputError when they do not fit."""
    needed = 0
    plain = 0  # images
    views: dict[str, list[int]] = {}  # of a split, how many, and of how many images
    for dataset, view in wanted:
        missing = store.missing_bytes(dataset.split, dataset.images, view)
        needed += missing
        if missing and view:
            views.setdefault(dataset.split, [0, len(dataset.images)])[0] += 1
        elif missing:
            plain += len(dataset.images)
    if not needed:
        return
    parts = [f"features of {counted(plain, 'image')}"] if plain else []
    parts += [
        f"{counted(number, 'view')} of {counted(images, 'image')} of {split}"
        for split, (number, images) in views.items()
    ]
    free = free_bytes(store.folder)
    room = f"{', '.join(parts)} take {gigabytes(needed)} in {store.folder}, {gigabytes(free)} are"
    if needed > free:
        raise InputError(
            f"{room} free there: free some, or set fewer feature_views, or a smaller image_grid."
        )
    log(f"{room} free")


def _compute(
    store: FeatureStore,
    dataset: CaptionDataset,
    view: int,
    backbone: FrozenBackbone,
    log: Callable[[str], object],
    ranks: Alone,
) -> None:
    """Compute the features of a split, and as the leader store them, with a bar."""
    count = len(dataset.images)
    what = f"{backbone.origin.backbone} features of {dataset.split}"
    if view:
        what += f", view {view}"
    begin = time.perf_counter()
    done: list[int] = []
    with progress(description=what, total=count, unit="image") as bar:

        def advance(images: int) -> None:
            done.append(images)
            bar.update(images)

        def compute(first: int) -> Iterator[np.ndarray]:
            groups = list(in_groups(range(ranks.told(first), count), _BATCH))
            return ranks.in_order(groups, of_images)

        def of_images(groups: Sequence[Sequence[int]]) -> Iterator[np.ndarray]:
            numbers = list(chain.from_iterable(groups))
            paths = [dataset.image_path(image_id) for image_id in numbers]
            return backbone.features_at(zip(numbers, paths), view)

        if ranks.leads:
            store.write(dataset.split, dataset.images, compute, advance, view)
        else:
            deque(compute(0), maxlen=0)
    ranks.wait()
    return_freed()
    if not ranks.leads:
        return
    seconds = time.perf_counter() - begin
    computed = sum(done[1:])
    log(
        f"{what}: {computed} images in {seconds:.1f} s "
        f"({computed / max(seconds, 1e-9):.1f} images/s), {done[0]} were there; "
        f"in {store.folder}"
    )
