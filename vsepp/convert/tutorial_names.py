"""What the tutorial calls the parameters that we have.

Its image encoder holds a network of ``paddle.vision.models`` as ``net`` and ends in one linear
layer, its text encoder is ``embed`` and ``rnn``. The network is wrapped in one of two ways:

* as it is, the linear layer in place of its classifier or beside it: ``net.layer1.0.conv1.weight``,
  ``net.features.0.weight``, with ``net.fc`` or ``net.classifier.6`` or ``fc``;
* as a ``Sequential`` of its children, which then go by their positions: ``net.0.weight``,
  ``net.4.0.conv1.weight``, with ``fc`` beside them. That is the documents' own ResNet-152.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Iterator, NamedTuple

from vsepp.models.backbones import BACKBONES, build_backbone
from vsepp.models.vsepp import BACKBONE

if TYPE_CHECKING:
    import paddle

_LINEAR = "image_extractor.fc."
_USUAL = ("resnet152", "vgg19")  # what the documents offer
_WRAPPED_AS = ("net.", "backbone.")
_CELL = re.compile(r"(\d+)\.cell\.(\w+)")  # the second name of nn.GRU's own weight_ih_l0


class ImageNames(NamedTuple):
    """How an image encoder's parameters are called.

    Attributes:
        backbone: which network it holds, or None where it reads features.
        theirs: ``{our name: their name}``, both whole.
    """

    backbone: str | None
    theirs: dict[str, str]


def text_name(name: str) -> str:
    """Our name of the text encoder's parameter ``name``, both whole."""
    for theirs, ours in (
        ("text_extractor.embed.", "text_extractor.embedding."),
        ("text_extractor.rnn.", "text_extractor.gru."),
    ):
        if name.startswith(theirs):
            name = ours + name[len(theirs) :]
    gru = "text_extractor.gru."
    cell = _CELL.fullmatch(name[len(gru) :]) if name.startswith(gru) else None
    return f"{gru}{cell[2]}_l{cell[1]}" if cell else name


def image_names(shapes: dict[str, tuple]) -> ImageNames | None:
    """Find out which network an image encoder holds, by names and shapes.

    Args:
        shapes: ``{name: shape}`` of all that begins with ``image_extractor.``.

    Returns:
        None where it is no network that Paddle ships with one linear layer behind it.
    """
    linear = _linear_layer(shapes)
    if linear:
        return ImageNames(None, linear)
    heads = {shape[0] for shape in shapes.values() if len(shape) == 2}
    for name in sorted(BACKBONES, key=lambda name: name not in _USUAL):
        size = BACKBONES[name].feature_size
        if size not in heads:
            continue
        network, parameters = backbone_outline(name)
        own = {key: tuple(parameter.shape) for key, parameter in parameters.items()}
        children = [child for child, _ in network.named_children()]
        for theirs in _spellings(own, children):
            if any(shapes.get(theirs[key]) != shape for key, shape in own.items()):
                continue
            taken = set(theirs.values())
            left = {key: shape for key, shape in shapes.items() if key not in taken}
            linear = _linear_layer(left, size)
            if linear:
                return ImageNames(name, {**{BACKBONE + key: theirs[key] for key in own}, **linear})
    return None


def _linear_layer(
    shapes: Mapping[str, tuple[int, ...]], size: int | None = None
) -> dict[str, str] | None:
    """The names of the linear layer when ``shapes`` are of nothing else, or None.

    Args:
        size: how many numbers it reads, where that is known.
    """
    layers = {name.rpartition(".")[0] for name in shapes}
    if len(layers) != 1:
        return None
    layer = layers.pop()
    weight = shapes.get(f"{layer}.weight", ())
    if len(weight) != 2 or size not in (None, weight[0]):
        return None
    if not set(shapes) <= {f"{layer}.weight", f"{layer}.bias"}:
        return None
    return {_LINEAR + name.rpartition(".")[2]: name for name in shapes}


def backbone_outline(name: str) -> tuple[paddle.nn.Layer, dict[str, paddle.Tensor]]:
    """``(network, {name: parameter})`` of a backbone whose weights were never made.

    The parameters tell their shapes, and whether they are trained, and no more.
    """
    import paddle

    with paddle.LazyGuard():
        network = build_backbone(name)
    return network, dict(network.named_parameters())


def _spellings(parameters: Iterable[str], children: list[str]) -> Iterator[dict[str, str]]:
    """Each way to call a backbone's parameters: ``{name in the backbone: their whole name}``."""
    for prefix in _WRAPPED_AS:
        yield {key: f"image_extractor.{prefix}{key}" for key in parameters}
        yield by_position(parameters, children, f"image_extractor.{prefix}")


def by_position(parameters: Iterable[str], children: list[str], prefix: str) -> dict[str, str]:
    """The names of a network's parameters in a ``Sequential`` of its children.

    Args:
        parameters: the names in the network.
        children: the names of its children, in order.
        prefix: of the result.
    """
    split = {key: key.partition(".") for key in parameters}
    return {
        key: f"{prefix}{children.index(child)}.{rest}" for key, (child, _, rest) in split.items()
    }
