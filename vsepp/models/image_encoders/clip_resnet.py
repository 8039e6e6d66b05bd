"""The ResNet of CLIP (Radford et al., 2021): a stem of three, averages in place of strides, and
attention in place of the last average."""

from __future__ import annotations

import paddle
from paddle import nn
from paddle.nn import functional

from vsepp.models.image_encoders.clip import CLIPImageEncoder
from vsepp.system.errors import InputError

_EXPANSION = 4  # of a bottleneck's channels
_SHRUNK = 32  # pixels of an image to a cell of the last map


class Bottleneck(nn.Layer):
    """Three convolutions beside a short way; a stride is an average over the maps.

    Args:
        channels: of the maps that come in.
        inner: of those between the convolutions; out come four times as many.
        stride: 1 or 2.
    """

    def __init__(self, channels: int, inner: int, stride: int) -> None:
        super().__init__()
        outer = _EXPANSION * inner
        self.conv1 = nn.Conv2D(channels, inner, 1, bias_attr=False)
        self.bn1 = nn.BatchNorm2D(inner)
        self.conv2 = nn.Conv2D(inner, inner, 3, padding=1, bias_attr=False)
        self.bn2 = nn.BatchNorm2D(inner)
        self.pool = nn.AvgPool2D(stride) if stride > 1 else nn.Identity()
        self.conv3 = nn.Conv2D(inner, outer, 1, bias_attr=False)
        self.bn3 = nn.BatchNorm2D(outer)
        self.short = nn.Identity()
        if stride > 1 or channels != outer:
            pool = nn.AvgPool2D(stride) if stride > 1 else nn.Identity()
            self.short = nn.Sequential(
                pool, nn.Conv2D(channels, outer, 1, bias_attr=False), nn.BatchNorm2D(outer)
            )

    def forward(self, maps: paddle.Tensor) -> paddle.Tensor:
        """float32 ``[batch, channels, h, w]`` → ``[batch, 4 · inner, h / stride, w / stride]``."""
        inner = functional.relu(self.bn1(self.conv1(maps)))
        inner = self.pool(functional.relu(self.bn2(self.conv2(inner))))
        return functional.relu(self.bn3(self.conv3(inner)) + self.short(maps))


class AttentionPool(nn.Layer):
    """The cells of a map as one state: what their mean attends to.

    Args:
        cells: of the map.
        size: channels of the map, and numbers of the state.
        heads: parts of the attention.
    """

    def __init__(self, cells: int, size: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.position_embedding = self.create_parameter([cells + 1, size])
        self.query = nn.Linear(size, size)
        self.key = nn.Linear(size, size)
        self.value = nn.Linear(size, size)

    def forward(self, maps: paddle.Tensor) -> paddle.Tensor:
        """float32 ``[batch, size, h, w]`` → float32 ``[batch, size]``."""
        mean = functional.adaptive_avg_pool2d(maps, 1)
        cells = paddle.concat([mean.flatten(2), maps.flatten(2)], 2).transpose([0, 2, 1])
        states = cells + self.position_embedding
        query, key, value = map(
            self._heads, (self.query(states[:, :1]), self.key(states), self.value(states))
        )
        scores = paddle.matmul(query, key, transpose_y=True) * query.shape[-1] ** -0.5
        return paddle.matmul(functional.softmax(scores), value).flatten(1)

    def _heads(self, states: paddle.Tensor) -> paddle.Tensor:
        """``[batch, time, size]`` → ``[batch, heads, time, size / heads]``."""
        parts = states.reshape([0, 0, self.heads, states.shape[-1] // self.heads])
        return parts.transpose([0, 2, 1, 3])


class ModifiedResNet(nn.Layer):
    """Images → the state of the attention pooling, before its last linear layer.

    Args:
        image_size: side of the images, in pixels.
        width: channels of the first stage's inner convolutions.
        layers: bottlenecks of each of the four stages.
        heads: parts of the attention.
    """

    def __init__(self, image_size: int, width: int, layers: list[int], heads: int) -> None:
        super().__init__()
        half = width // 2
        self.conv1 = nn.Conv2D(3, half, 3, 2, padding=1, bias_attr=False)
        self.bn1 = nn.BatchNorm2D(half)
        self.conv2 = nn.Conv2D(half, half, 3, padding=1, bias_attr=False)
        self.bn2 = nn.BatchNorm2D(half)
        self.conv3 = nn.Conv2D(half, width, 3, padding=1, bias_attr=False)
        self.bn3 = nn.BatchNorm2D(width)
        self.pool = nn.AvgPool2D(2)
        stages, channels = [], width
        for place, count in enumerate(layers):
            inner, blocks = width * 2**place, []
            for block in range(count):
                blocks.append(Bottleneck(channels, inner, 2 if place and not block else 1))
                channels = _EXPANSION * inner
            stages.append(nn.Sequential(*blocks))
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.attention = AttentionPool((image_size // _SHRUNK) ** 2, channels, heads)

    def forward(self, images: paddle.Tensor) -> paddle.Tensor:
        """float32 ``[batch, 3, image_size, image_size]`` → float32 ``[batch, 32 · width]``."""
        maps = functional.relu(self.bn1(self.conv1(images)))
        maps = functional.relu(self.bn2(self.conv2(maps)))
        maps = self.pool(functional.relu(self.bn3(self.conv3(maps))))
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            maps = stage(maps)
        return self.attention(maps)


class CLIPResNetEncoder(CLIPImageEncoder):
    """``image_model: clip_resnet``."""

    kinds = {"width": int, "heads": int, "layers": list}

    @property
    def backbone_size(self) -> int:
        return 8 * _EXPANSION * self.sizes["width"]

    def network(self) -> ModifiedResNet:
        sizes = self.sizes
        return ModifiedResNet(
            self.preprocessing.image_size, sizes["width"], sizes["layers"], sizes["heads"]
        )

    def check_layers(self) -> None:
        size, heads = self.backbone_size, self.sizes["heads"]
        if size % heads:
            raise InputError(f"{heads} heads do not divide the size {size}")

    def shapes(self) -> dict[str, tuple[int, ...]]:
        shapes = {
            f"layer{place}.{count - 1}.conv3.weight": (_EXPANSION * inner, inner, 1, 1)
            for place, count in enumerate(self.sizes["layers"], 1)
            for inner in [self.sizes["width"] * 2 ** (place - 1)]
        }
        cells = (self.preprocessing.image_size // _SHRUNK) ** 2
        return {**shapes, "attention.position_embedding": (cells + 1, self.backbone_size)}
