"""The ImageNet networks that Paddle ships, cut before their classifier.

The registry is plain data and this module imports Paddle only to build a network, so
that a wrong name in a configuration is refused at once. What is left of a network
keeps Paddle's (and torchvision's) parameter names.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, Optional, Tuple

from vsepp.system.errors import InputError

if TYPE_CHECKING:
    import paddle

    from vsepp.config import Config


class Backbone(NamedTuple):
    """What the package knows of a network without building it."""

    feature_size: int
    #: layers of the classifier, by their names in Paddle: replaced by the identity,
    #: and their weights ignored in files
    classifier: Tuple[str, ...]
    #: the layer at whose place the last map can be read, cell by cell, by its name in Paddle:
    #: the one that averages the map, or the last one before layers that know no cells. None: the
    #: map is not read
    pool: Optional[str]
    #: the smallest and the largest square image it takes (None: any)
    smallest_image: int = 32
    largest_image: Optional[int] = None
    #: keys of the configuration that it wants otherwise than their defaults are
    images: Tuple[Tuple[str, Any], ...] = ()
    #: where a cell has another number of numbers than the whole image has: how many, and the
    #: layers after ``pool`` with weights that are cut with the classifier when cells are read
    cell_size: Optional[int] = None
    after_cells: Tuple[str, ...] = ()
    #: further heads in torchvision's files, by their names there: passed over as the classifier is
    auxiliary: Tuple[str, ...] = ()


def _resnets() -> Iterator[tuple[str, Backbone]]:
    for depth in (18, 34):
        yield f"resnet{depth}", Backbone(512, ("fc",), "avgpool")
    for name in (
        "resnet50", "resnet101", "resnet152",
        "resnext50_32x4d", "resnext50_64x4d", "resnext101_32x4d", "resnext101_64x4d",
        "resnext152_32x4d", "resnext152_64x4d", "wide_resnet50_2", "wide_resnet101_2",
    ):  # fmt: skip
        yield name, Backbone(2048, ("fc",), "avgpool")


def _vggs() -> Iterator[tuple[str, Backbone]]:
    last_pools = {11: 20, 13: 24, 16: 30, 19: 36}
    for layers, last in last_pools.items():
        yield (
            f"vgg{layers}",
            Backbone(
                4096,
                ("classifier.6",),
                f"features.{last}",
                cell_size=512,
                after_cells=("classifier.0", "classifier.3"),
            ),
        )


def _densenets() -> Iterator[tuple[str, Backbone]]:
    sizes = {121: 1024, 161: 2208, 169: 1664, 201: 1920, 264: 2688}
    for layers, size in sizes.items():
        yield f"densenet{layers}", Backbone(size, ("out",), "pool2d_avg")


def _shufflenets() -> Iterator[tuple[str, Backbone]]:
    sizes = {"x0_25": 512, "x0_33": 512, "x0_5": 1024, "x1_0": 1024, "x1_5": 1024,
             "x2_0": 2048, "swish": 1024}  # fmt: skip
    for width, size in sizes.items():
        yield f"shufflenet_v2_{width}", Backbone(size, ("_fc",), "_pool2d_avg")


_GOOGLENET_HEADS = (
    "_pool_o1", "_pool_o2", "_drop", "_fc_out", "_conv_o1", "_fc_o1", "_drop_o1", "_out1",
    "_conv_o2", "_fc_o2", "_drop_o2", "_out2",
)  # fmt: skip

#: Name in ``paddle.vision.models`` → what it gives. The features are the network's
#: global average pool, and its grid is the map that this averages; of VGG and AlexNet they are
#: the 4096 numbers that their last linear layer reads, which belong to no cell. VGG's grid is the
#: map before its last pool, 14 × 14 × 512.
BACKBONES = {
    **dict(_resnets()),
    **dict(_vggs()),
    "mobilenet_v1": Backbone(1024, ("fc",), "pool2d_avg"),
    "mobilenet_v2": Backbone(1280, ("classifier",), "pool2d_avg"),
    "mobilenet_v3_small": Backbone(576, ("classifier",), "avgpool"),
    "mobilenet_v3_large": Backbone(960, ("classifier",), "avgpool"),
    **dict(_densenets()),
    "googlenet": Backbone(1024, _GOOGLENET_HEADS, "_pool_5"),
    "inception_v3": Backbone(
        2048,
        ("dropout", "fc"),
        "avg_pool",
        smallest_image=75,
        images=(("resize", 299), ("image_size", 299), ("pixels", "symmetric")),
        auxiliary=("AuxLogits",),
    ),
    # whose forward takes the sides of what its pool gives away; the map is not negative there
    "squeezenet1_0": Backbone(512, ("_drop", "_conv9"), "_conv9"),
    "squeezenet1_1": Backbone(512, ("_drop", "_conv9"), "_conv9"),
    **dict(_shufflenets()),
    "alexnet": Backbone(4096, ("_fc8",), None, smallest_image=224, largest_image=224),
}


def find_backbone(name: str) -> Backbone:
    """Return the ``Backbone`` entry of ``name``.

    Raises:
        InputError: when there is none, with the nearest names.
    """
    if isinstance(name, str) and name in BACKBONES:
        return BACKBONES[name]
    nearest = difflib.get_close_matches(str(name), BACKBONES, n=3)
    guess = f"did you mean {' or '.join(nearest)}? " if nearest else ""
    raise InputError(
        f"image_model: there is no backbone {name!r}; {guess}The names are: {', '.join(BACKBONES)}."
    )


def feature_size(name: str, grid: bool = False) -> int:
    """How many numbers backbone ``name`` makes of an image (resnet152: 2048, vgg19: 4096), or with
    ``grid`` of each of its cells (vgg19: 512)."""
    entry = find_backbone(name)
    return entry.cell_size if grid and entry.cell_size else entry.feature_size


def with_own_images(config: Config) -> Config:
    """The configuration with the images that its backbone wants, where nobody chose others.

    What is settled here counts as given, so that it is settled once.
    """
    own = find_own_images(config)
    if not own:
        return config
    result = config.replaced(**{key: value for key, value in own.items() if not config.gives(key)})
    result.given |= own.keys()
    return result


def find_own_images(config: Config) -> dict[str, Any]:
    """``{key: value}`` of the images that the backbone of a configuration wants otherwise than
    the defaults are."""
    entry = BACKBONES.get(config.image_model)
    return dict(entry.images) if entry else {}


def check_image_size(name: str, size: int, resize: int | None = None) -> None:
    """Refuse square images of ``size`` pixels that backbone ``name`` cannot take.

    With ``resize``, the shorter side before cropping, also those that cannot be cut from it.

    Raises:
        InputError: saying which sizes it takes.
    """
    if resize is not None and resize < size:
        raise InputError(
            f"resize {resize} is less than image_size {size}: set resize={size} or more."
        )
    entry = find_backbone(name)
    largest = entry.largest_image or size
    if entry.smallest_image <= size <= largest:
        return
    if entry.smallest_image == entry.largest_image:
        wanted = f"exactly {entry.smallest_image}"
    else:
        wanted = f"{entry.smallest_image} or more"
    raise InputError(
        f"image_size: {name} takes images of {wanted} pixels, not {size}; "
        f"set image_size: {entry.smallest_image} or another image_model."
    )


def is_classifier(name: str, parameter: str) -> bool:
    """Whether ``parameter`` belongs to what is cut from backbone ``name``, at least for cells."""
    entry = find_backbone(name)
    layers = entry.classifier + entry.auxiliary + entry.after_cells
    return any(parameter.startswith(f"{layer}.") for layer in layers)


def check_grid(name: str) -> None:
    """Refuse ``image_features: grid`` for a backbone without a map of cells.

    Raises:
        InputError: naming it, and what mends it.
    """
    if find_backbone(name).pool is None:
        raise InputError(
            f"image_features: {name} gives the numbers of linear layers, which know no cells: set "
            "image_features=global, or image_model to a network with a map, such as resnet152."
        )


def build_backbone(name: str, grid: int | None = None) -> paddle.nn.Layer:
    """Build a randomly initialised backbone.

    Args:
        name: a key of ``BACKBONES``.
        grid: give the last map, cell by cell, averaged to so many cells a side (0: as it is);
            None gives one vector of the whole image.

    Returns:
        paddle.nn.Layer: images ``[batch, 3, height, width]`` → float32 features
        ``[batch, feature_size(name)]``, also for a batch of one, or
        ``[batch, cells, feature_size(name, True)]``, the cells row by row. Its ``state_dict`` has
        the names of ``paddle.vision.models``, without the classifier's.

    Raises:
        InputError: for an unknown name, or for a grid of a backbone that has none.
    """
    if grid is not None:
        check_grid(name)
    entry = find_backbone(name)
    from paddle import nn
    from paddle.vision import models

    cut = entry.classifier
    if name == "googlenet":
        from vsepp.models.googlenet import GoogLeNetFeatures

        network = GoogLeNetFeatures()
    elif grid is not None and entry.after_cells:  # most of VGG's weights are never made
        network, cut = getattr(models, name)(num_classes=0, with_pool=False), ()
    else:
        network = getattr(models, name)(pretrained=False)
    for path in cut:
        _replace(network, path, nn.Identity())
    if grid is not None and entry.pool is not None:
        from vsepp.models.cells import Cells

        _replace(network, entry.pool, Cells(grid))
        if entry.pool in entry.classifier:
            network.with_pool = False
        else:
            network.num_classes = 0  # the networks' own way to end behind their pool
    return network


def _replace(network: paddle.nn.Layer, path: str, layer: paddle.nn.Layer) -> None:
    *parents, last = path.split(".")
    for part in parents:
        network = getattr(network, part)
    network.add_sublayer(last, layer)
